import type { FastifyInstance } from 'fastify'
import { createKeyring } from './admission/api-key.js'
import { Catalog } from './catalog/catalog.js'
import { configuredModels } from './catalog/configured-models.js'
import { ConfigError, type Settings } from './config.js'
import { Batcher } from './embedding/batcher.js'
import { createDetokenize } from './embedding/detokenize.js'
import { createEmbed, type Embed } from './embedding/embed.js'
import { createInspect, type Inspect } from './embedding/inspect.js'
import { createEmbedText, type RunningEngine } from './embedding/text-vectors.js'
import { createTokenize, type Tokenize } from './embedding/tokenize.js'
import { loadVocabulary } from './embedding/vocabulary.js'
import { BUILTIN_ID, startBuiltinEngine } from './engines/builtin/engine.js'
import { BUILTIN_WEIGHTS, loadManifest } from './engines/builtin/weights.js'
import type { Engine } from './engines/engine.js'
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
  engine: Engine
  close(): Promise<void>
}

/** The part of the settings that the pipeline needs. */
export type PipelineSettings = Pick<Settings, 'threads' | 'maxQueuedInputs' | 'cacheBytes' | 'models'>

/**
 * The catalog with the models of the configuration. Fast: starts no engine.
 *
 * @throws {ConfigError} listing every mistake in them.
 */
export async function assembleCatalog({ models }: Pick<Settings, 'models'>): Promise<Catalog> {
  const { output } = await loadManifest(BUILTIN_WEIGHTS)
  const configured = configuredModels(models, new Map([[BUILTIN_ID, output.shape[1]]]))
  if (configured.mistakes.length > 0) throw new ConfigError(configured.mistakes.join('\n'))
  return new Catalog(configured.models)
}

/** @throws {ConfigError} when the catalog has no such model. */
function checkDefaultModel(id: string, catalog: Catalog): void {
  if (catalog.list().some((model) => model.id === id)) return
  throw new ConfigError(`defaultModel: there is no model ${id}; \`quiver models\` lists those that are there.`)
}

/**
 * Load and verify the engines. Slow: a few hundred milliseconds.
 *
 * @param catalog for callers that looked into it before.
 */
export async function assemblePipeline(
  settings: PipelineSettings,
  signal: AbortSignal,
  catalog?: Catalog,
): Promise<Pipeline> {
  const served = catalog ?? (await assembleCatalog(settings))
  const { threads, maxQueuedInputs: maxQueued, cacheBytes } = settings
  const builtin = await startBuiltinEngine({ threads, signal })
  const running: RunningEngine[] = [builtin].map((engine) => ({ engine, batcher: new Batcher(engine, { maxQueued }) }))
  const byId = new Map(running.map((one) => [one.engine.id, one]))
  const find = (id: string): RunningEngine => {
    const found = byId.get(id)
    if (found === undefined) throw new TypeError(`the catalog names an engine that does not exist: ${id}`)
    return found
  }
  const findEngine = (id: string): Engine => find(id).engine
  return {
    catalog: served,
    embed: createEmbed({
      findEngine: find,
      embedText: createEmbedText({ cacheBytes }),
      sparseFallback: builtin,
    }),
    tokenize: createTokenize(findEngine),
    inspect: createInspect(findEngine),
    engine: builtin,
    async close() {
      for (const { batcher } of running) batcher.close()
      await Promise.all(running.map(({ engine }) => engine.close()))
    },
  }
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
  const pipeline = await assemblePipeline(settings, signal, catalog)
  let isDraining = false
  let isAbandoned = false
  const app = createApp(endpointsOf({ version: VERSION, catalog, window: pipeline.engine.window }), {
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
      isReady: () => !isDraining && pipeline.engine.isUp,
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
