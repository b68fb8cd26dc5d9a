import { Command, CommanderError } from 'commander'
import { BackupError } from '../backup.js'
import { ConfigError } from '../config.js'
import { DatabaseError } from '../database-error.js'
import { OnDemandError } from '../engines/on-demand.js'
import { HomeError } from '../home.js'
import { DisagreementError } from '../processes/join-processes.js'
import { PullError } from '../pull/pull-error.js'
import { VERSION } from '../version.js'
import { accelerateCommand } from './accelerate.js'
import { backupCommand, restoreCommand } from './backup.js'
import { batchCommand } from './batch.js'
import { callbackSecretCommand } from './callback-secret.js'
import { doctorCommand } from './doctor.js'
import { embedCommand } from './embed.js'
import { enginesCommand } from './engines.js'
import { EXIT, isSystemError, UserError } from './exit.js'
import { exportCommand } from './export.js'
import { importCommand } from './import.js'
import { jobsCommand } from './jobs.js'
import { listCommand } from './list.js'
import { modelsCommand } from './models.js'
import { pullCommand } from './pull.js'
import { rmCommand } from './rm.js'
import { searchImagesCommand } from './search-images.js'
import { serveCommand } from './serve.js'
import { showCommand } from './show.js'
import { tokensCommand } from './tokens.js'
import { useCommand } from './use.js'
import { verifyCommand } from './verify.js'

/** Parse the arguments and run the command; sets the exit code and never throws. */
export async function run(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(argv)
  } catch (error) {
    process.exitCode = report(error)
  }
}

export function createProgram(): Command {
  const program = new Command('quiver')
    .description('Embeddings on your own machine, behind the DashScope and OpenAI protocols.')
    .version(VERSION, '-v, --version')
    .exitOverride()
    .showHelpAfterError('(add --help to see what is possible)')
    .addHelpText(
      'after',
      `
Examples:
  $ quiver serve                                 serve on http://127.0.0.1:8790
  $ quiver embed "你好" "hello"                   vectors as JSON lines, no server needed
  $ quiver embed --file lines.txt --format npy --output lines.npy
  $ quiver search-images ~/Pictures "日落的海边"   pictures by what is on them, as a page
  $ quiver tokens "你好，世界"                     how many tokens a text has, and which
  $ quiver models                                what is served, and its limits
  $ quiver verify text-embedding-v4 --against https://dashscope.aliyuncs.com/api/v1
  $ quiver accelerate                            faster arithmetic for ONNX models
  $ quiver batch run requests.jsonl              a file of requests, at half price
  $ quiver jobs submit lines.txt --wait          a text file line by line, on a running server
  $ quiver backup FOLDER                         copy what a running server keeps
  $ quiver restore FOLDER                        bring it back into an empty home
  $ quiver doctor                                check this installation
  $ quiver pull all-minilm-l6-v2                 fetch an open model; quiver list --available names more
  $ quiver use text-embedding-v4 all-minilm-l6-v2   put it behind a public name
  $ quiver engines add llama-cpp                 install what computes GGUF models

Every setting is a flag, an environment variable (QUIVER_PORT) or a line of a YAML file
(--config, QUIVER_CONFIG), in this order; "quiver serve --help" lists them.`,
    )
  const serving = [
    serveCommand(),
    embedCommand(),
    searchImagesCommand(),
    tokensCommand(),
    modelsCommand(),
    verifyCommand(),
    doctorCommand(),
  ]
  const pulled = [
    pullCommand(),
    listCommand(),
    showCommand(),
    rmCommand(),
    exportCommand(),
    importCommand(),
    useCommand(),
    enginesCommand(),
    accelerateCommand(),
  ]
  const kept = [jobsCommand(), batchCommand(), callbackSecretCommand(), backupCommand(), restoreCommand()]
  for (const command of [...serving, ...pulled, ...kept]) {
    for (const nested of command.commands) nested.copyInheritedSettings(program)
    program.addCommand(command.copyInheritedSettings(program))
    for (const inner of command.commands) inner.copyInheritedSettings(command)
  }
  return program
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  if (error instanceof ConfigError) {
    process.stderr.write(`quiver: the configuration is not right:\n${error.message.replace(/^/gm, '  ')}\n`)
    return EXIT.usage
  }
  if (
    error instanceof BackupError ||
    error instanceof DatabaseError ||
    error instanceof HomeError ||
    error instanceof DisagreementError ||
    error instanceof OnDemandError ||
    error instanceof PullError ||
    error instanceof UserError
  ) {
    process.stderr.write(`quiver: ${error.message}\n`)
    return error instanceof UserError ? error.exitCode : EXIT.failure
  }
  if (isSystemError(error)) {
    process.stderr.write(`quiver: ${error.message}\n`)
    return EXIT.failure
  }
  process.stderr.write(`quiver: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return EXIT.failure
}
