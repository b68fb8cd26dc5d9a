import type { FastifyInstance } from 'fastify'
import { createKeyring } from './admission/api-key.js'
import { Catalog, OWN_MODELS } from './catalog/catalog.js'
import { configuredModels } from './catalog/configured-models.js'
import { toTextModel } from './catalog/pulled-models.js'
import { applyServing } from './catalog/serving.js'
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
import { createApp } from './http/app.js'
import { endpointsOf } from './http/endpoints.js'
import { listModels } from './pull/model-store.js'
import { readServing } from './serving-file.js'
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

/** What the catalog is made of. Without a home there is nothing pulled. */
type CatalogSettings = Pick<Settings, 'models'> & Partial<Pick<Settings, 'home'>>

/** The part of the settings that the pipeline needs. */
export type PipelineSettings = Pick<Settings, 'threads' | 'maxQueuedInputs' | 'cacheBytes'> & CatalogSettings

/**
 * The catalog: our own models, pulled ones, what `quiver use` put behind which name, and over all that the models of the
 * configuration. Fast: starts no engine.
 *
 * @throws {ConfigError} listing every mistake in them.
 */
export async function assembleCatalog({ home, models }: CatalogSettings): Promise<Catalog> {
  const { output } = await loadManifest(BUILTIN_WEIGHTS)
  const pulled = home === undefined ? [] : listModels(home).models.map(({ model }) => model)
  const serving = home === undefined ? {} : readServing(home)
  const dimensions = new Map(pulled.map(({ name, dimension }) => [name, dimension]))
  const served = applyServing(OWN_MODELS, pulled.map(toTextModel), serving)
  const configured = configuredModels(models, dimensions.set(BUILTIN_ID, output.shape[1]), served.models)
  const mistakes = [...served.mistakes, ...configured.mistakes]
  if (mistakes.length > 0) throw new ConfigError(mistakes.join('\n'))
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
  const { threads, maxQueuedInputs: maxQueued, cacheBytes } = settings
  const engines = new RunningEngines(await engineSpecs({ threads }), { maxQueued, ...(onFailure && { onFailure }) })
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
async function engineSpecs({ threads }: Pick<Settings, 'threads'>): Promise<EngineSpec[]> {
  const { output } = await loadManifest(BUILTIN_WEIGHTS)
  return [
    {
      id: BUILTIN_ID,
      dimension: output.shape[1],
      startsWith: 'required',
      start: (signal) => startBuiltinEngine({ threads, signal }),
    },
  ]
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
