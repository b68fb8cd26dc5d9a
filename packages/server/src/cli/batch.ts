import { Command } from 'commander'
import { EXIT, UserError } from './exit.js'
import { createJobProgress, type JobView } from './job-progress.js'
import { checkReadable, checkWritable, downloadBatch, upload } from './local-file.js'
import { addServerOptions, clientOf, explained, type ServerOptions } from './server-client.js'

interface RunOptions extends ServerOptions {
  output?: string
  errors?: string
  window: string
  name?: string
}

export function batchCommand(): Command {
  const run = new Command('run')
    .description('Upload a file of requests, wait until they are computed, download the answers.')
    .argument('<file>', 'JSON lines, as docs/api/batches.md has them')
    .option('--output <path>', 'where the answers go (default: FILE.output.jsonl)')
    .option('--errors <path>', 'where the errors go, if there are any (default: FILE.errors.jsonl)')
    .option('--window <time>', 'how long it may take', '24h')
    .option('--name <name>', 'a name that lists show')
    .addHelpText(
      'after',
      `
Interrupted, the batch goes on; "quiver jobs wait ID --output PATH --errors PATH" fetches what it has.

Example:
  $ quiver batch run requests.jsonl`,
    )
    .action((file: string, options: RunOptions) => explained(() => runBatch(file, options)))
  return new Command('batch').description('Batches of a server, from file to file.').addCommand(addServerOptions(run))
}

async function runBatch(path: string, options: RunOptions): Promise<void> {
  const client = clientOf(options)
  const stem = path.replace(/\.jsonl$/, '')
  const { output = `${stem}.output.jsonl`, errors = `${stem}.errors.jsonl`, window: completionWindow, name } = options
  await checkReadable(path) // the outputs' folder is its own, and would be blamed
  for (const file of [output, errors]) await checkWritable(file)
  const inputFileId = await upload(client, path, { purpose: 'batch' })
  const metadata = name === undefined ? {} : { metadata: { ds_name: name } }
  const { id } = await client.batches.create({ inputFileId, completionWindow, ...metadata })
  process.stderr.write(`${id}\n`)
  const progress = createJobProgress()
  const onProgress = (job: JobView) => progress.show(job)
  const batch = await client.batches.wait(id, { onProgress }).finally(() => progress.stop())
  for (const { line, message } of batch.faults) {
    process.stderr.write(`quiver: ${path}${line === undefined ? '' : `:${line}`}: ${message}\n`)
  }
  await downloadBatch(client, batch, { output, errors })
  const { completed, failed } = batch.lines
  if (batch.status === 'failed') throw new UserError('the batch is failed; nothing was computed.', EXIT.failure)
  process.stdout.write(
    `${batch.status}: ${completed} lines in ${output}${failed > 0 ? `, ${failed} in ${errors}` : ''}\n`,
  )
  if (batch.status !== 'completed') throw new UserError(`the batch is ${batch.status}.`, EXIT.failure)
}
