import { resolve } from 'node:path'
import { Command } from 'commander'
import { backUpHome, restoreHome } from '../assemble-storage.js'
import type { SettingName } from '../config.js'
import { EXIT, UserError } from './exit.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

/** Where a server keeps things. */
const PLACES: readonly SettingName[] = [
  'home',
  'databaseUrl',
  's3Bucket',
  's3Endpoint',
  's3Region',
  's3AccessKeyId',
  's3SecretAccessKey',
  's3SilenceMs',
]

export function backupCommand(): Command {
  const command = new Command('backup')
    .argument('<folder>', 'a folder that is empty or does not exist')
    .description('Copy everything a server keeps; it may run meanwhile.')
  return addSettingsOptions(command, PLACES).action(async (folder: string, _options, self: Command) => {
    const report = await backUpHome(settingsOf(self), resolve(folder), untilInterrupted())
    process.stdout.write(`${resolve(folder)}: the database and ${report.blobs} files, ${report.bytes} bytes\n`)
  })
}

export function restoreCommand(): Command {
  const command = new Command('restore')
    .argument('<folder>', 'a backup')
    .description('Bring a backup into an empty home; then start the server there.')
  return addSettingsOptions(command, PLACES).action(async (folder: string, _options, self: Command) => {
    const settings = settingsOf(self)
    const report = await restoreHome(settings, resolve(folder), untilInterrupted())
    process.stdout.write(`${settings.home}: the database and ${report.blobs} files, ${report.bytes} bytes\n`)
  })
}

/** Ctrl-C and SIGTERM end the work in order: what it held is released. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => controller.abort(new UserError(`stopped by ${name}.`, EXIT.interrupted)))
  }
  return controller.signal
}
