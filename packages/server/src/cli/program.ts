import { Command, CommanderError } from 'commander'
import { BackupError } from '../backup.js'
import { ConfigError } from '../config.js'
import { HomeError } from '../home.js'
import { VERSION } from '../version.js'
import { backupCommand, restoreCommand } from './backup.js'
import { batchCommand } from './batch.js'
import { doctorCommand } from './doctor.js'
import { embedCommand } from './embed.js'
import { EXIT, UserError } from './exit.js'
import { jobsCommand } from './jobs.js'
import { modelsCommand } from './models.js'
import { serveCommand } from './serve.js'
import { tokensCommand } from './tokens.js'

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
  $ quiver tokens "你好，世界"                     how many tokens a text has, and which
  $ quiver models                                what is served, and its limits
  $ quiver batch run requests.jsonl              a file of requests, at half price
  $ quiver jobs submit lines.txt --wait          a text file line by line, on a running server
  $ quiver backup FOLDER                         copy what a running server keeps
  $ quiver restore FOLDER                        bring it back into an empty home
  $ quiver doctor                                check this installation

Every setting is a flag, an environment variable (QUIVER_PORT) or a line of a YAML file
(--config, QUIVER_CONFIG), in this order; "quiver serve --help" lists them.`,
    )
  for (const command of [
    serveCommand(),
    embedCommand(),
    tokensCommand(),
    modelsCommand(),
    jobsCommand(),
    batchCommand(),
    backupCommand(),
    restoreCommand(),
    doctorCommand(),
  ]) {
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
  if (error instanceof HomeError || error instanceof BackupError || error instanceof UserError) {
    process.stderr.write(`quiver: ${error.message}\n`)
    return error instanceof UserError ? error.exitCode : EXIT.failure
  }
  process.stderr.write(`quiver: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return EXIT.failure
}
