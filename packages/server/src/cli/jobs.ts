import type { Batch, QuiverClient, Task } from '@quiver/client'
import { Command, Option } from 'commander'
import { UserError } from './exit.js'
import { createJobProgress, type JobView } from './job-progress.js'
import { type ListJobsOptions, listJobs, STATUS_WORDS } from './list-jobs.js'
import { checkWritable, download, downloadBatch, upload } from './local-file.js'
import { addServerOptions, clientOf, explained, type ServerOptions } from './server-client.js'

interface WaitOptions extends ServerOptions {
  output?: string
  errors?: string
}

interface SubmitOptions extends ServerOptions {
  model: string
  textType: 'query' | 'document'
  wait?: boolean
  output?: string
}

export function jobsCommand(): Command {
  const jobs = new Command('jobs').description('Tasks and batches of a server: submit, watch, cancel.').addHelpText(
    'after',
    `
Ids that begin with batch_ are batches; all others are tasks.

Examples:
  $ quiver jobs submit lines.txt --wait --output lines.jsonl.gz
  $ quiver jobs submit https://example.com/lines.txt
  $ quiver jobs list --status running,pending
  $ quiver jobs wait 0385dc79-5ff8-4d82-bcb6-9c6e54a6e1c1`,
  )
  const submit = new Command('submit')
    .description('Embed every line of a text file, as a task. Prints its id.')
    .argument('<input>', 'a file of this machine, or a URL that the server can fetch')
    .option('--model <id>', 'model for tasks', 'text-embedding-async-v2')
    .addOption(new Option('--text-type <type>', 'use of the texts').choices(['query', 'document']).default('document'))
    .option('--wait', 'until it has ended')
    .option('--output <path>', 'where to write the result, gzip of JSON lines; waits')
    .action((input: string, options: SubmitOptions) => explained(() => submitTask(input, options)))
  const list = new Command('list')
    .description('Tasks of the last day, batches of the last 30 days.')
    .option('--status <words>', `only those; several with commas: ${STATUS_WORDS}`)
    .option('--limit <number>', 'the newest, up to 100', '20')
    .option('--json', 'as JSON')
    .action((options: ServerOptions & ListJobsOptions) => explained(() => listJobs(clientOf(options), options)))
  const show = new Command('show')
    .description('All that is known of a job, as JSON.')
    .argument('<id>')
    .action((id: string, options: ServerOptions) => explained(async () => print(await find(clientOf(options), id))))
  const wait = new Command('wait')
    .description('Watch a job until it has ended; fails when it has not succeeded.')
    .argument('<id>')
    .option('--output <path>', 'where to write the result: of a task gzip of JSON lines, of a batch JSON lines')
    .option('--errors <path>', 'where to write the errors of a batch, if there are any')
    .action((id: string, options: WaitOptions) => explained(() => waitAndFetch(clientOf(options), id, options)))
  const cancel = new Command('cancel')
    .description('Cancel a task that waits, or a batch that has not ended.')
    .argument('<id>')
    .action((id: string, options: ServerOptions) =>
      explained(async () => {
        const client = clientOf(options)
        if (isBatch(id)) await client.batches.cancel(id)
        else await client.tasks.cancel(id)
      }),
    )
  for (const command of [submit, list, show, wait, cancel]) jobs.addCommand(addServerOptions(command))
  return jobs
}

const isBatch = (id: string) => id.startsWith('batch_')
const isUrl = (input: string) => /^(https?|oss):\/\//.test(input) || /^file-[0-9a-f-]{20}/.test(input)

async function submitTask(input: string, options: SubmitOptions): Promise<void> {
  const client = clientOf(options)
  if (options.output !== undefined) await checkWritable(options.output)
  const url = isUrl(input) ? input : await upload(client, input, { purpose: 'user_data', ending: '.txt' })
  const { model, textType, output } = options
  const { id } = await client.tasks.submit({ url, model, textType })
  process.stdout.write(`${id}\n`)
  if (options.wait !== true && output === undefined) return
  const task = succeeded(await waitUntilEnded(client, id))
  if (output !== undefined && 'url' in task) await download(await client.tasks.read(task), output)
}

/** Results of a batch that was given up are fetched too: what was computed is charged. */
async function waitAndFetch(client: QuiverClient, id: string, { output, errors }: WaitOptions): Promise<void> {
  for (const path of [output, errors]) if (path !== undefined) await checkWritable(path)
  const job = await waitUntilEnded(client, id)
  if ('faults' in job) await downloadBatch(client, job, { output, errors })
  else if (output !== undefined && job.url !== undefined) await download(await client.tasks.read(job), output)
  print(succeeded(job))
}

async function find(client: QuiverClient, id: string): Promise<Task | Batch> {
  const job = isBatch(id) ? await client.batches.get(id) : await client.tasks.get(id)
  if (job.status === 'UNKNOWN') throw new UserError(`there is no job ${id}, or it ended more than a day ago.`)
  return job
}

async function waitUntilEnded(client: QuiverClient, id: string): Promise<Task | Batch> {
  await find(client, id)
  const progress = createJobProgress()
  const onProgress = (job: JobView) => progress.show(job)
  const ended = isBatch(id) ? client.batches.wait(id, { onProgress }) : client.tasks.wait(id, { onProgress })
  return ended.finally(() => progress.stop())
}

/** @throws {UserError} when it did not succeed. */
function succeeded(job: Task | Batch): Task | Batch {
  if (job.status === 'completed' || job.status === 'SUCCEEDED') return job
  const [fault] = 'faults' in job ? job.faults : [job.fault]
  throw new UserError(`the job is ${job.status}${fault === undefined ? '.' : `: ${fault.message}`}`)
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}
