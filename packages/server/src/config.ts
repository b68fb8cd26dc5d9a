import { readFileSync } from 'node:fs'
import { availableParallelism, homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse as parseYaml } from 'yaml'
import { z } from 'zod'
import { DEFAULT_MODEL } from './catalog/catalog.js'
import { ModelEntry } from './catalog/configured-models.js'
import { parseAllowList } from './egress/allow-list.js'
import { EngineEntry, Prompts, UpstreamEntry } from './engines/engine-entry.js'
import { isCallbackSecret } from './jobs/callback.js'

const wholeNumber = (least: number, most: number) => z.coerce.number().int().min(least).max(most)
const list = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
  z.array(z.string().min(1)),
)

const flag = z.preprocess((value) => (typeof value === 'boolean' ? String(value) : value), z.stringbool())

/**
 * The one schema of the configuration. Flags (`--max-body-bytes`), environment names (`QUIVER_MAX_BODY_BYTES`), the
 * keys of the file (`maxBodyBytes`), the help texts and the defaults all derive from it.
 */
export const Settings = z.strictObject({
  home: z
    .string()
    .min(1)
    .default(join(homedir(), '.quiver'))
    .transform((path) => resolve(path.replace(/^~(?=\/|$)/, homedir())))
    .describe('Folder of everything the server keeps.'),
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on. Anything but loopback needs apiKeys.'),
  port: wholeNumber(0, 65_535).default(8790).describe('Port to listen on; 0 takes any free one.'),
  apiKeys: list.default([]).meta({ secret: true }).describe('Keys that may call. None: any key may, on loopback only.'),
  defaultModel: z
    .string()
    .min(1)
    .default(DEFAULT_MODEL)
    .describe('Model of requests that name none: those of text-embeddings-inference clients.'),
  threads: wholeNumber(1, 256)
    .default(() => availableParallelism())
    .describe('Worker threads of the built-in model, about 85 MB each. More than there are cores gains nothing.'),
  maxQueuedInputs: wholeNumber(1, 1_000_000)
    .default(2_000)
    .describe('Texts (of a long one: windows, see /docs) that may wait for a worker. A full queue answers 503.'),
  cacheBytes: wholeNumber(0, 1_099_511_627_776)
    .default(0)
    .describe('Memory for vectors of texts already computed, by caller; 0: each is computed anew.'),
  maxBodyBytes: wholeNumber(1_024, 1_073_741_824)
    .default(4 * 1024 * 1024)
    .describe('Largest request body; a larger one gets 413.'),
  maxMediaBodyBytes: wholeNumber(1_024, 1_073_741_824)
    .default(20 * 1024 * 1024)
    .describe('The same for the multimodal endpoint, whose pictures and videos may come in the body.'),
  autoSplit: flag
    .default(false)
    .describe("Compatible mode takes up to 2,048 texts in one request, whatever the model's limit. Off: strict."),
  requestTimeoutMs: wholeNumber(100, 86_400_000)
    .default(300_000)
    .describe('Longest time one request may take before it is given up.'),
  drainTimeoutMs: wholeNumber(0, 3_600_000)
    .default(10_000)
    .describe('After SIGTERM, how long running requests may still take.'),
  logLevel: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('warn')
    .describe('info adds a line for each request. Inputs and keys are never logged.'),
  offline: flag.default(false).describe('Reach nothing but this machine: `quiver pull` takes folders only.'),
  engines: z
    .record(z.string().regex(/^[\w.:-]{1,64}$/, 'must be 1 to 64 letters, digits or . _ : -'), EngineEntry)
    .default({})
    .meta({ fileOnly: true })
    .describe('Engines besides the built-in one, by the id that models name.'),
  packageIndexUrl: z
    .url({ protocol: /^https?$/ })
    .default('https://pypi.org/simple')
    .describe('Package index that `quiver accelerate` fetches from: PyPI, or a mirror of it.'),
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional()
    .describe('Address at which clients reach the server, for URLs it gives out. None: that of the request.'),
  egressAllow: list
    .superRefine((entries, context) => {
      try {
        parseAllowList(entries)
      } catch (error) {
        context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
      }
    })
    .default([])
    .describe(
      'Hosts and networks (files.lan, 10.0.0.0/8, host:9000) callers may name files on. None: public ones only.',
    ),
  maxFileBytes: wholeNumber(1_024, 5_497_558_138_880)
    .default(500 * 1024 * 1024)
    .describe('Largest file that may be uploaded.'),
  maxFiles: wholeNumber(0, 100_000_000).default(10_000).describe('Files that one key may keep.'),
  maxStorageBytes: wholeNumber(0, Number.MAX_SAFE_INTEGER)
    .default(100 * 1024 ** 3)
    .describe('Bytes that one key may keep: files, and at a submission also inputs of open jobs and results of tasks.'),
  batchOutputDays: wholeNumber(0, 36_500)
    .default(0)
    .describe('Days that output and error files of batches are kept; 0: until they are deleted.'),
  databaseUrl: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .meta({ secret: true })
    .describe('PostgreSQL, postgres://user:password@host/database. None: quiver.db in the home folder.'),
  usageDurability: z
    .enum(['fast', 'strict'])
    .default('fast')
    .describe(
      'When a request of SQLite is answered: fast, when its charge outlives the process; strict, when it outlives a loss of power too.',
    ),
  jobSlots: wholeNumber(0, 64)
    .default(2)
    .describe('Parts of tasks and batches worked on at a time; 0 leaves them to other processes.'),
  role: z
    .enum(['all', 'api', 'worker'])
    .default('all')
    .describe('With databaseUrl: api answers requests, worker computes tasks and batches, all does both.'),
  secret: z
    .string()
    .min(32)
    .optional()
    .meta({ secret: true })
    .describe(
      'Signs the URLs of results; the same for all processes on a database. None: one kept in the home folder.',
    ),
  callbackSecret: z
    .string()
    .min(16)
    .refine(isCallbackSecret, 'behind whsec_ must be the base64 of 24 to 64 bytes')
    .optional()
    .meta({ secret: true })
    .describe(
      'Secret of the signatures of callbacks, whsec_… or any text of 16 characters. None: `quiver callback-secret` prints it.',
    ),
  s3Bucket: z
    .string()
    .min(1)
    .optional()
    .describe('Bucket for files and results. None: they are kept in the home folder.'),
  s3Endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address of the S3 service. None: that of AWS.'),
  s3Region: z.string().min(1).default('us-east-1').describe('Region of the bucket.'),
  s3AccessKeyId: z
    .string()
    .min(1)
    .optional()
    .describe("Key id for the bucket. None: the AWS SDK's own ways of finding it."),
  s3SecretAccessKey: z.string().min(1).optional().meta({ secret: true }).describe('Secret of s3AccessKeyId.'),
  s3SilenceMs: wholeNumber(100, 3_600_000)
    .default(60_000)
    .describe(
      'For how long, in ms, the S3 service may be silent before it is asked again; three times, then it failed.',
    ),
  ffmpeg: z
    .string()
    .min(1)
    .default('ffmpeg')
    .describe('Program that decodes videos, by name or path; without it, videos are refused.'),
  models: z
    .record(z.string(), ModelEntry)
    .default({})
    .meta({ fileOnly: true })
    .describe('Changes to models, and further ones, by id.'),
})
export type Settings = z.output<typeof Settings>
export type SettingName = keyof Settings

/** Every setting with its help, derived from the schema. Those of more than one value can only be in the file. */
export const SETTINGS = Object.entries(Settings.shape).map(([name, schema]) => ({
  name: name as SettingName, // Object.entries widens the schema's own keys to string
  isFileOnly: schema.meta()?.fileOnly === true,
  isSecret: schema.meta()?.secret === true,
  flag: `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  environment: `QUIVER_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
  description: schema.description ?? '',
}))

/** One or more mistakes in the configuration, all of them in the message, a line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export interface ConfigSources {
  /** Command-line values by setting name; wins over everything. */
  flags?: Readonly<Record<string, unknown>>
  environment?: Readonly<Record<string, string | undefined>>
  /** Path of a YAML or JSON file; default `QUIVER_CONFIG`. */
  file?: string
}

/**
 * Flags > environment > file > defaults.
 *
 * @throws {ConfigError} listing every mistake with where it came from.
 */
export function loadSettings({ flags = {}, environment = {}, file }: ConfigSources): Readonly<Settings> {
  const path = file ?? environment.QUIVER_CONFIG
  const given = new Map<string, { value: unknown; origin: string }>()
  for (const [name, value] of Object.entries(path === undefined || path === '' ? {} : readSettingsFile(path))) {
    given.set(name, { value, origin: path ?? '' })
  }
  for (const { name, environment: variable, isFileOnly } of SETTINGS) {
    const value = isFileOnly ? undefined : environment[variable]
    if (value !== undefined && value !== '') given.set(name, { value, origin: variable })
  }
  for (const { name, flag } of SETTINGS) {
    if (flags[name] !== undefined) given.set(name, { value: flags[name], origin: flag })
  }
  const parsed = Settings.safeParse(Object.fromEntries([...given].map(([name, { value }]) => [name, value])))
  const mistakes = (parsed.error?.issues ?? []).map((issue) => describeMistake(issue, given))
  mistakes.push(...checkAccess(given), ...checkRole(parsed.data))
  const engines = withKeys(parsed.data?.engines ?? {}, environment, mistakes)
  if (mistakes.length > 0 || !parsed.success) throw new ConfigError(mistakes.join('\n'))
  return Object.freeze({ ...parsed.data, engines })
}

/** The engines, with the keys that `apiKeyEnv` names put in; a variable that is not there is one more of `mistakes`. */
function withKeys(
  engines: Settings['engines'],
  environment: ConfigSources['environment'],
  mistakes: string[],
): Settings['engines'] {
  return Object.fromEntries(
    Object.entries(engines).map(([id, entry]) => {
      const { apiKeyEnv: variable } = entry
      if (variable === undefined) return [id, entry]
      const apiKey = environment?.[variable]
      if (!apiKey) mistakes.push(`engines.${id}.apiKeyEnv: the environment has no ${variable}.`)
      return [id, { ...entry, apiKey }]
    }),
  )
}

/** Whether an address reaches only this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function readSettingsFile(path: string): Record<string, unknown> {
  let content: unknown
  try {
    content = parseYaml(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ConfigError(`${path}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`)
  }
  if (content === null || content === undefined) return {}
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new ConfigError(`${path}: must hold settings as "name: value" lines.`)
  }
  return { ...content }
}

/** host and apiKeys belong together; looked at even when other settings are wrong, so that all mistakes show at once. */
function checkAccess(given: ReadonlyMap<string, { value: unknown }>): string[] {
  const host = Settings.shape.host.safeParse(given.get('host')?.value).data
  const apiKeys = Settings.shape.apiKeys.safeParse(given.get('apiKeys')?.value)
  if (host === undefined || isLoopback(host) || !apiKeys.success || apiKeys.data.length > 0) return []
  return [`host: ${host} can be reached from other machines, so apiKeys must be set (QUIVER_API_KEYS).`]
}

/** Half a server is of use only beside the other half, which it meets in the database. */
function checkRole(settings: Settings | undefined): string[] {
  if (settings === undefined || settings.role === 'all') return []
  const { role, databaseUrl, jobSlots } = settings
  if (databaseUrl === undefined)
    return [`role: ${role} needs databaseUrl (QUIVER_DATABASE_URL), where it meets the others.`]
  return role === 'worker' && jobSlots === 0 ? ['jobSlots: a worker needs one or more; got 0.'] : []
}

function describeMistake(issue: z.core.$ZodIssue, given: Map<string, { origin: string; value: unknown }>): string {
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(issue.path)
    const names = issue.keys.map((key) => [...issue.path, key].join('.'))
    return `${names.join(', ')}: no such setting; there are ${known.join(', ')}.`
  }
  const name = String(issue.path[0])
  const { origin = '', value } = given.get(name) ?? {}
  const path = issue.path.map(String)
  const came = path.slice(1).reduce<unknown>((part, key) => Object(part)[key], value)
  const shown = isSecret(path, came) ? 'a value that is not shown' : (JSON.stringify(came) ?? 'nothing')
  return `${path.join('.')}: ${issue.message}; got ${shown} from ${origin}.`
}

/** What may stand where an unknown key was found. */
function keysAt([setting, , part]: readonly PropertyKey[]): string[] {
  if (setting === undefined) return SETTINGS.map(({ name }) => name)
  if (setting === 'models') return Object.keys(ModelEntry.shape)
  return Object.keys(part === 'prompts' ? Prompts.shape : UpstreamEntry.shape)
}

/** Keys, what may hold one, and what may have one mistyped into it. */
function isSecret([setting, ...rest]: readonly string[], came: unknown): boolean {
  if (SETTINGS.some(({ name, isSecret: whole }) => name === setting && whole)) return true
  if (setting !== 'engines') return false
  return rest.at(-1) === 'apiKey' || rest.at(-1) === 'apiKeyEnv' || rest.includes('urls') || came instanceof Object
}
