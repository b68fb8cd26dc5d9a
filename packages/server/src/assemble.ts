import type { FastifyInstance } from 'fastify'
import { createKeyring } from './admission/api-key.js'
import { assembleEngines, type Engines } from './assemble-engines.js'
import { assembleJobs } from './assemble-jobs.js'
import { assembleMedia } from './assemble-media.js'
import { assembleStorage, orClose } from './assemble-storage.js'
import { BUILTIN_MODELS } from './catalog/builtin-models.js'
import { Catalog, OWN_MODELS, OWN_MULTIMODAL_MODELS } from './catalog/catalog.js'
import { configuredModels } from './catalog/configured-models.js'
import { servedBy } from './catalog/multimodal-model.js'
import { applyMultimodalServing, splitServing } from './catalog/multimodal-serving.js'
import { applyServing } from './catalog/serving.js'
import { ConfigError, type Settings } from './config.js'
import { parseAllowList } from './egress/allow-list.js'
import { createCheckReachable } from './egress/check-reachable.js'
import { resolveHost } from './egress/resolve-host.js'
import { createSafeFetch } from './egress/safe-fetch.js'
import { createDetokenize } from './embedding/detokenize.js'
import { createEmbed, type Embed } from './embedding/embed.js'
import { createInspect, type Inspect } from './embedding/inspect.js'
import { RunningEngines } from './embedding/running-engines.js'
import { createEmbedText } from './embedding/text-vectors.js'
import { createTokenize, type Tokenize } from './embedding/tokenize.js'
import { loadVocabulary } from './embedding/vocabulary.js'
import { BUILTIN_ID } from './engines/builtin/engine.js'
import type { Engine } from './engines/engine.js'
import { createResolveUserUrl } from './files/resolve-user-url.js'
import { createApp } from './http/app.js'
import { endpointsOf } from './http/endpoints.js'
import { createEmbedContents, type EmbedContents } from './multimodal/embed-contents.js'
import { type BatchedMultimodalEngine, inPasses } from './multimodal/passes.js'
import { createReadMedia } from './multimodal/read-media.js'
import { readServing } from './serving-file.js'
import { createLog, type Logger } from './telemetry/log.js'
import { createMetrics, type Metrics } from './telemetry/metrics.js'
import { createSelfTest, type SelfTest } from './verify/self-test.js'
import { VERSION } from './version.js'

/** What computes: enough for the command line, which needs no server. */
export interface Pipeline {
  catalog: Catalog
  embed: Embed
  embedContents: EmbedContents
  tokenize: Tokenize
  inspect: Inspect
  selfTest: SelfTest
  engines: RunningEngines
  /** Those that see. */
  multimodalEngines: RunningEngines<BatchedMultimodalEngine>
  /** Our own model; also the source of sparse vectors for models that have none. */
  builtin: Engine
  close(): Promise<void>
}

/** Pictures and videos in memory at once, on machines of few cores; on others as many as there are threads to look at them. */
const LEAST_ROOM = 4

/** The part of the settings that the pipeline needs. */
export type PipelineSettings = Pick<
  Settings,
  'home' | 'threads' | 'maxQueuedInputs' | 'cacheBytes' | 'models' | 'engines' | 'ffmpeg'
>

/**
 * The catalog: our own models, pulled ones, what `quiver use` put behind which name, and over all that the models of the
 * configuration. Fast: starts no engine.
 *
 * @throws {ConfigError} listing every mistake in them.
 */
export async function assembleCatalog(settings: PipelineSettings): Promise<Catalog> {
  return catalogOf(settings, await assembleEngines(settings))
}

function catalogOf({ home, models }: Pick<Settings, 'home' | 'models'>, engines: Engines): Catalog {
  const serving = splitServing(readServing(home), OWN_MULTIMODAL_MODELS)
  const served = applyServing(OWN_MODELS, [...BUILTIN_MODELS, ...engines.pulled], serving.text)
  const seeing = applyMultimodalServing(OWN_MULTIMODAL_MODELS, engines.pulledMultimodal, serving.multimodal)
  const dimensions = new Map(engines.specs.map(({ id, dimension }) => [id, dimension]))
  const configured = configuredModels(models, dimensions, served.models)
  const mistakes = [...engines.mistakes, ...served.mistakes, ...seeing.mistakes, ...configured.mistakes]
  if (mistakes.length > 0) throw new ConfigError(mistakes.join('\n'))
  const vectorsOf = new Map(engines.multimodal.map((spec) => [spec.id, spec]))
  const multimodal = seeing.models.map((model) => {
    const vectors = vectorsOf.get(model.engine)
    if (vectors === undefined) throw new TypeError(`${model.id} names an engine that does not exist: ${model.engine}`)
    return servedBy(model, vectors)
  })
  return new Catalog(configured.models, multimodal)
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
  /** For what happens to engines later; default: warnings on standard error. */
  log?: Logger
  metrics?: Metrics
}

/** Load and verify what nothing is served without. Slow: a few hundred milliseconds. */
export async function assemblePipeline(
  settings: PipelineSettings,
  signal: AbortSignal,
  { catalog, onFailure, log = createLog('warn'), metrics }: PipelineOptions = {},
): Promise<Pipeline> {
  const { maxQueuedInputs: maxQueued, cacheBytes } = settings
  const assembled = await assembleEngines(settings, log)
  const served = catalog ?? catalogOf(settings, assembled)
  const options = {
    maxQueued,
    ...(onFailure && { onFailure }),
    ...(metrics && { metricsOf: metrics.engine }),
  }
  const engines = new RunningEngines(assembled.specs, options)
  const multimodalEngines = new RunningEngines(
    assembled.multimodal.map((spec) =>
      inPasses({ ...spec, start: (startSignal) => spec.start(startSignal, engines.find) }),
    ),
    options,
  )
  metrics?.watchEngines(() => [...engines.loads, ...multimodalEngines.loads])
  const close = async () => {
    await Promise.all([engines.close(), multimodalEngines.close()])
  }
  try {
    await Promise.all([engines.startRequired(signal), multimodalEngines.startRequired(signal)])
    const { engine: builtin } = await engines.find(BUILTIN_ID, signal)
    return {
      catalog: served,
      embed: createEmbed({
        findEngine: engines.find,
        embedText: createEmbedText({ cacheBytes }),
        sparseFallback: builtin,
      }),
      embedContents: createEmbedContents({
        findEngine: multimodalEngines.find,
        readMedia: createReadMedia(assembleMedia(settings), { room: Math.max(LEAST_ROOM, settings.threads) }),
      }),
      tokenize: createTokenize(engines.find),
      inspect: createInspect(engines),
      selfTest: createSelfTest(async (id, runSignal) => (await engines.find(id, runSignal)).engine),
      engines,
      multimodalEngines,
      builtin,
      close,
    }
  } catch (error) {
    await close()
    throw error
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
  const metrics = createMetrics()
  const pipeline = await assemblePipeline(settings, signal, {
    catalog,
    log,
    metrics,
    onFailure: (engine, error) => log.error({ engine, err: error }, 'an engine could not be started'),
  })
  const kinds = [pipeline.engines, pipeline.multimodalEngines]
  let isStarting = true
  Promise.all(kinds.map((engines) => engines.startOthers(signal))).finally(() => {
    isStarting = false
  })
  const storage = await orClose(pipeline, () => assembleStorage(settings, log))
  const detokenize = createDetokenize(catalog, { loadVocabulary, maxTextBytes: settings.maxBodyBytes })
  const reach = { allow: parseAllowList(settings.egressAllow), resolve: resolveHost }
  const safeFetch = createSafeFetch(reach)
  const resolveUserUrl = createResolveUserUrl(storage.files, safeFetch)
  const { embed, embedContents } = pipeline
  const running = await assembleJobs(settings, { catalog, embed, storage, safeFetch, resolveUserUrl, detokenize, log })
  metrics.watchJobs(() => storage.jobStore.load(new Date()))
  let isDraining = false
  let isAbandoned = false
  const app = createApp(
    endpointsOf({ version: VERSION, catalog, window: pipeline.builtin.window, role: settings.role }),
    {
      services: {
        catalog,
        detokenize,
        embed,
        embedContents,
        resolveUserUrl,
        checkReachable: createCheckReachable(reach),
        tokenize: pipeline.tokenize,
        inspect: pipeline.inspect,
        selfTest: pipeline.selfTest,
        defaultModel: catalog.get(settings.defaultModel),
        keyring: createKeyring(settings.apiKeys),
        maxQueuedInputs: settings.maxQueuedInputs,
        metrics,
        ledger: storage.ledger,
        files: storage.files,
        blobs: storage.blobs,
        signer: storage.signer,
        jobs: running.jobs,
        publicUrl: settings.publicUrl,
        isAutoSplit: settings.autoSplit,
        isReady: () => !isStarting && !isDraining && kinds.every(({ isUp }) => isUp),
        enginesDown: () => kinds.flatMap(({ down }) => down),
      },
      limits: settings,
      log,
    },
  )
  return {
    app,
    drain() {
      isDraining = true
      void running.close() // parts are given back while the last requests are answered; close() waits for it
    },
    abandon() {
      isAbandoned = true
      app.server.closeAllConnections()
    },
    async close() {
      await app.close()
      await running.close()
      await pipeline.close()
      await storage.close()
      return !isAbandoned
    },
  }
}
