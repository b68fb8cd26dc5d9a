import type { FastifyInstance } from 'fastify'
import { createKeyring } from './admission/api-key.js'
import { Catalog } from './catalog/catalog.js'
import { configuredModels } from './catalog/configured-models.js'
import { ConfigError, type Settings } from './config.js'
import { createDetokenize } from './embedding/detokenize.js'
import { createEmbed, type Embed } from './embedding/embed.js'
import { createInspect, type Inspect } from './embedding/inspect.js'
import { type EngineSpec, RunningEngines } from './embedding/running-engines.js'
import { createEmbedText } from './embedding/text-vectors.js'
import { createTokenize, type Tokenize } from './embedding/tokenize.js'
import { loadVocabulary } from './embedding/vocabulary.js'
import { BUILTIN_ID, startBuiltinEngine } from './engines/builtin/engine.js'
import { BUILTIN_WEIGHTS, loadManifest } from './engines/builtin/weights.js'
import type { Engine } from './engines/engine.js'
import { LLAMA_CPP, llamaCppDimension, startLlamaCppEngine } from './engines/llama-cpp/engine.js'
import { findPulledModels } from './engines/pulled/find-models.js'
import { createApp } from './http/app.js'
import { endpointsOf } from './http/endpoints.js'
import type { Logger } from './telemetry/log.js'
import { createMetrics } from './telemetry/metrics.js'
import { VERSION } from './version.js'

/** What computes: enough for the command line, which needs no server. */
export interface Pipeline {
  catalog: Catalog
  embed: Embed
  tokenize: Tokenize
  inspect: Inspect
  engines: RunningEngines
  /** Our own model; also the source of sparse vectors for models that have none. */
  builtin: Engine
  close(): Promise<void>
}

/** The part of the settings that the pipeline needs. */
export type PipelineSettings = Pick<Settings, 'home' | 'threads' | 'maxQueuedInputs' | 'cacheBytes' | 'models'>

/**
 * The catalog with the models of the configuration. Fast: starts no engine.
 *
 * @throws {ConfigError} listing every mistake in them.
 */
export async function assembleCatalog(settings: Pick<Settings, 'home' | 'threads' | 'models'>): Promise<Catalog> {
  const specs = await engineSpecs(settings)
  const configured = configuredModels(settings.models, new Map(specs.map(({ id, dimension }) => [id, dimension])))
  if (configured.mistakes.length > 0) throw new ConfigError(configured.mistakes.join('\n'))
  return new Catalog(configured.models)
}

/** @throws {ConfigError} when the catalog has no such model. */
function checkDefaultModel(id: string, catalog: Catalog): void {
  if (catalog.list().some((model) => model.id === id)) return
  throw new ConfigError(`defaultModel: there is no model ${id}; \`quiver models\` lists those that are there.`)
}

export interface PipelineOptions {
  /** For callers that looked into it before. */
  catalog?: Catalog
  /** Told of every engine that could not be started. */
  onFailure?: (engineId: string, error: unknown) => void
}

/** Load and verify what nothing is served without. Slow: a few hundred milliseconds. */
export async function assemblePipeline(
  settings: PipelineSettings,
  signal: AbortSignal,
  { catalog, onFailure }: PipelineOptions = {},
): Promise<Pipeline> {
  const served = catalog ?? (await assembleCatalog(settings))
  const { maxQueuedInputs: maxQueued, cacheBytes } = settings
  const engines = new RunningEngines(await engineSpecs(settings), { maxQueued, ...(onFailure && { onFailure }) })
  try {
    await engines.startRequired(signal)
    const { engine: builtin } = await engines.find(BUILTIN_ID, signal)
    return {
      catalog: served,
      embed: createEmbed({
        findEngine: engines.find,
        embedText: createEmbedText({ cacheBytes }),
        sparseFallback: builtin,
      }),
      tokenize: createTokenize(engines.find),
      inspect: createInspect(engines),
      engines,
      builtin,
      close: () => engines.close(),
    }
  } catch (error) {
    await engines.close()
    throw error
  }
}

/** Every engine of this installation. */
async function engineSpecs(settings: Pick<Settings, 'home' | 'threads'>): Promise<EngineSpec[]> {
  const { threads } = settings
  const { output } = await loadManifest(BUILTIN_WEIGHTS)
  return [
    ...(await llamaCppSpecs(settings)),
    {
      id: BUILTIN_ID,
      dimension: output.shape[1],
      startsWith: 'required',
      start: (signal) => startBuiltinEngine({ threads, signal }),
    },
  ]
}

/** Pulled GGUF models. One whose header cannot be read is not offered; `quiver show` says what is wrong with it. */
async function llamaCppSpecs({ home, threads }: Pick<Settings, 'home' | 'threads'>): Promise<EngineSpec[]> {
  const specs: EngineSpec[] = []
  for (const { name, folder } of await findPulledModels(home, LLAMA_CPP)) {
    const dimension = await llamaCppDimension({ folder }).catch(() => undefined)
    if (dimension === undefined) continue
    const start = (signal: AbortSignal) => startLlamaCppEngine({ folder, home, threads, signal })
    specs.push({ id: name, dimension, startsWith: 'demand', start })
  }
  return specs
}

/** A server that is ready once `start` resolves. */
export interface Server {
  app: FastifyInstance
  /** From now on `/readyz` says no; running requests go on. */
  drain(): void
  /** Cut off the requests that still run, so that `close` ends. */
  abandon(): void
  /** Resolves when the last request has ended: true when none was abandoned. */
  close(): Promise<boolean>
}

/** Put everything together; listens on nothing yet. */
export async function assembleServer(settings: Settings, log: Logger, signal: AbortSignal): Promise<Server> {
  const catalog = await assembleCatalog(settings)
  checkDefaultModel(settings.defaultModel, catalog)
  const pipeline = await assemblePipeline(settings, signal, {
    catalog,
    onFailure: (engine, error) => log.error({ engine, err: error }, 'an engine could not be started'),
  })
  let isStarting = true
  pipeline.engines.startOthers(signal).finally(() => {
    isStarting = false
  })
  let isDraining = false
  let isAbandoned = false
  const app = createApp(endpointsOf({ version: VERSION, catalog, window: pipeline.builtin.window }), {
    services: {
      catalog,
      detokenize: createDetokenize(catalog, { loadVocabulary, maxTextBytes: settings.maxBodyBytes }),
      embed: pipeline.embed,
      tokenize: pipeline.tokenize,
      inspect: pipeline.inspect,
      defaultModel: catalog.get(settings.defaultModel),
      keyring: createKeyring(settings.apiKeys),
      maxQueuedInputs: settings.maxQueuedInputs,
      metrics: createMetrics(),
      isAutoSplit: settings.autoSplit,
      isReady: () => !isStarting && !isDraining && pipeline.engines.isUp,
    },
    limits: settings,
    log,
  })
  return {
    app,
    drain() {
      isDraining = true
    },
    abandon() {
      isAbandoned = true
      app.server.closeAllConnections()
    },
    async close() {
      await app.close()
      await pipeline.close()
      return !isAbandoned
    },
  }
}
