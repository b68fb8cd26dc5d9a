import { Command, InvalidArgumentError, Option } from 'commander'
import { OWN_MODELS, OWN_MULTIMODAL_MODELS } from '../catalog/catalog.js'
import { findPullable, PULLABLE } from '../catalog/pullable/all.js'
import type { Build, Pullable } from '../catalog/pullable/pullable.js'
import type { Settings } from '../config.js'
import { prepareHome } from '../home.js'
import { createHttp } from '../pull/http.js'
import type { ModelShape } from '../pull/model-shape.js'
import { listModels, type StoredModel } from '../pull/model-store.js'
import { LANES } from '../pull/part.js'
import { type PullRequest, pull } from '../pull/pull.js'
import { pullSettings } from '../pull/pull-settings.js'
import { ENGINE_KINDS, type EngineKind, modalityOf } from '../pull/pulled-model.js'
import { PATIENCE } from '../pull/retry.js'
import { defaultName, parseSource, type Source } from '../pull/source.js'
import { EXIT, UserError } from './exit.js'
import { createFileProgress } from './file-progress.js'
import { interruptible } from './interruptible.js'
import { checkFreeName, describe } from './pulled.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

/** What a model goes behind usually. */
const PUBLIC_NAMES = { text: OWN_MODELS[0]?.id, multimodal: OWN_MULTIMODAL_MODELS[0]?.id }

interface PullFlags {
  as?: string
  engine?: EngineKind
  variant?: string
  settingsFrom?: string
  also: string[]
  acceptLicense?: boolean
  connections: number
}

export function pullCommand(): Command {
  const command = new Command('pull')
    .description('Fetch a model, check every byte of it, and keep it in the home.')
    .argument('<model>', 'a name (quiver list --available), hf:org/repo[@revision], ms:org/repo, file:FOLDER, or a URL')
    .option('--as <name>', 'name to keep it under (default: its own)')
    .addOption(new Option('--engine <engine>', 'what is to compute it').choices(ENGINE_KINDS))
    .option('--variant <variant>', 'fp32, fp16, int8 … of ONNX; Q8_0, f16, Q4_K_M … of GGUF')
    .option('--settings-from <source>', 'where tokenizer, pooling and prompts come from, if the repository lacks them')
    .option('--also <path>', 'a further file of the repository that the engine needs; may be repeated', collect, [])
    .option('--accept-license', 'agree to the terms of a model that has some')
    .option('--connections <n>', 'downloads at once, at most', connections, 8)
    .option('--offline', 'reach nothing but this machine [QUIVER_OFFLINE]')
    .addHelpText(
      'after',
      `
A pull that was cut off goes on where it stopped. HF_ENDPOINT names a mirror of Hugging Face, HF_TOKEN is sent to that
host only; MODELSCOPE_ENDPOINT, HTTPS_PROXY and NO_PROXY are honoured.

Examples:
  $ quiver pull all-minilm-l6-v2
  $ quiver pull qwen3-embedding-0.6b --engine llama-cpp --variant f16 --as qwen-f16
  $ quiver pull hf:intfloat/multilingual-e5-small@main
  $ HF_ENDPOINT=https://hf-mirror.com quiver pull bge-m3
  $ quiver pull file:./my-model --as my-model`,
    )
  return addSettingsOptions(command, ['home']).action((model: string, flags: PullFlags, self: Command) =>
    pullModel(model, flags, settingsOf(self)),
  )
}

async function pullModel(model: string, flags: PullFlags, settings: Settings): Promise<void> {
  const request = toRequest(model, flags)
  prepareHome(settings.home)
  const existing = listModels(settings.home).models.find((stored) => stored.model.name === request.name)
  if (existing !== undefined) {
    checkSame(existing, request)
    process.stdout.write(`${request.name} is there already.\n${describe(existing.model)}`)
    return
  }
  const { hub, modelScopeEndpoint, proxies, isHubOffline } = pullSettings(process.env)
  const http = createHttp(proxies)
  const progress = createFileProgress()
  try {
    const { model: pulled } = await interruptible('the same command goes on where it stopped.', (signal) =>
      pull(request, {
        home: settings.home,
        hub,
        modelScopeEndpoint,
        isOffline: settings.offline || isHubOffline,
        connections: flags.connections,
        lanes: LANES,
        http,
        patience: PATIENCE,
        signal,
        now: () => new Date(),
        onPlan: progress.plan,
        onBytes: progress.add,
      }),
    )
    progress.stop()
    process.stdout.write(
      `${describe(pulled)}Serve it: "model": "${pulled.name}", or quiver use ${PUBLIC_NAMES[modalityOf(pulled)]} ${pulled.name}\n`,
    )
  } finally {
    progress.stop()
    http.close()
  }
}

/** What a name or a source and the flags come to. @throws {UserError} */
function toRequest(model: string, flags: PullFlags): PullRequest {
  const source = parseSource(model)
  const { engine, variant } = flags
  const wanted = { also: flags.also, ...(engine && { engine }), ...(variant && { variant }) }
  const settingsSource = flags.settingsFrom === undefined ? undefined : parseSource(flags.settingsFrom)
  if (flags.settingsFrom !== undefined && settingsSource === undefined) {
    throw new UserError(
      `--settings-from: must be hf:org/repo, ms:org/repo or file:FOLDER, got ${flags.settingsFrom}.`,
      EXIT.usage,
    )
  }
  if (source !== undefined) {
    const name = checkFreeName(flags.as ?? defaultName(source))
    return { name, source, wanted, ...(settingsSource && { settingsSource }) }
  }
  const pullable = findPullable(model)
  if (pullable === undefined) {
    const names = PULLABLE.map(({ name }) => name).join(', ')
    throw new UserError(`there is no model ${model} to pull; there are ${names}, and hf:org/repo.`, EXIT.usage)
  }
  checkTerms(pullable, flags)
  const build = chooseBuild(pullable, engine)
  return {
    name: checkFreeName(flags.as ?? pullable.name),
    source: hugging(build.repository),
    ...(settingsSource
      ? { settingsSource }
      : build.settingsRepository && { settingsSource: hugging(build.settingsRepository) }),
    wanted: {
      engine: build.engine,
      variant: variant ?? build.variant,
      also: [...(build.also ?? []), ...flags.also],
      ...(build.folder && { folder: build.folder }),
    },
    curated: {
      name: pullable.name,
      license: pullable.license.id,
      ...(pullable.prompts && { prompts: pullable.prompts }),
      ...(pullable.towers && { towers: pullable.towers, shape: shapeOf(pullable) }),
    },
  }
}

function shapeOf({ dimensions, maxTokens }: Pullable): ModelShape {
  return { dimension: dimensions.at(-1) ?? dimensions[0], maxTokens }
}

function hugging(repository: string): Source {
  return { kind: 'hugging-face', written: `hf:${repository}`, repository, revision: 'main' }
}

function chooseBuild({ name, builds }: Pullable, engine: EngineKind | undefined): Build {
  const build = engine === undefined ? builds[0] : builds.find((candidate) => candidate.engine === engine)
  if (build !== undefined) return build
  const there = builds.map((candidate) => candidate.engine).join(', ')
  throw new UserError(
    `${name} has no weights for ${engine}, but for ${there}; or give another repository as hf:org/repo.`,
  )
}

function checkTerms({ name, license }: Pullable, { acceptLicense = false }: PullFlags): void {
  if (license.terms === undefined || acceptLicense) return
  throw new UserError(
    `${name} comes under the ${license.terms.name}: ${license.terms.url}\n  Read them; --accept-license says that you agree.`,
  )
}

/** The same name twice is fine for the same thing; vectors under one name must not change unnoticed. */
function checkSame({ model }: StoredModel, { source, curated, wanted }: PullRequest): void {
  const isSource = curated === undefined ? isSameSource(model.source, source) : model.curated === curated.name
  const isVariant = wanted.variant === undefined || wanted.variant.toLowerCase() === model.variant.toLowerCase()
  if (isSource && isVariant && (wanted.engine ?? model.engine) === model.engine) return
  throw new UserError(
    `${model.name} is there already, from ${model.source} (${model.engine}, ${model.variant}); give this one another name with --as, or remove that one with \`quiver rm ${model.name}\`.`,
  )
}

function isSameSource(stored: string, source: Source): boolean {
  if (!('repository' in source)) return stored === source.written
  const isDefault = source.revision === 'main' || source.revision === 'master'
  return isDefault ? stored.startsWith(`${source.written}@`) : stored === `${source.written}@${source.revision}`
}

function collect(path: string, before: readonly string[]): string[] {
  return [...before, path]
}

function connections(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1 || number > 32) {
    throw new InvalidArgumentError('It must be a whole number from 1 to 32.')
  }
  return number
}
