import { type Command, Option } from 'commander'
import { loadSettings, SETTINGS, type SettingName, type Settings } from '../config.js'

/** Give a command the flags of these settings (default: all) and `--config`. */
export function addSettingsOptions(
  command: Command,
  names: readonly SettingName[] = SETTINGS.map((s) => s.name),
): Command {
  for (const { name, flag, environment, description, isFileOnly } of SETTINGS) {
    if (isFileOnly || !names.includes(name)) continue
    command.addOption(new Option(`${flag} <value>`, `${description} [${environment}]`))
  }
  return command.addOption(new Option('--config <file>', 'YAML or JSON file of settings [QUIVER_CONFIG]'))
}

/** The settings that a command runs with. @throws {ConfigError} */
export function settingsOf(command: Command): Readonly<Settings> {
  const { config, ...given } = command.opts<Record<string, string>>()
  const names = new Set<string>(SETTINGS.map(({ name }) => name))
  const flags = Object.fromEntries(Object.entries(given).filter(([name]) => names.has(name)))
  return loadSettings({ flags, environment: process.env, ...(config === undefined ? {} : { file: config }) })
}
