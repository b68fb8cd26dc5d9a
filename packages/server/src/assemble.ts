import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { createKeyring } from './admission/api-key.js'
import { BackupError, type BackupReport, type BackupSource, backUp, restore } from './backup.js'
import { Catalog } from './catalog/catalog.js'
import { configuredModels } from './catalog/configured-models.js'
import { ConfigError, type Settings } from './config.js'
import { parseAllowList } from './egress/allow-list.js'
import { resolveHost } from './egress/resolve-host.js'
import { createSafeFetch } from './egress/safe-fetch.js'
import { createDetokenize, type Detokenize } from './embedding/detokenize.js'
import { createEmbed, type Embed } from './embedding/embed.js'
import { createInspect, type Inspect } from './embedding/inspect.js'
import { type EngineSpec, RunningEngines } from './embedding/running-engines.js'
import { createEmbedText } from './embedding/text-vectors.js'
import { createTokenize, type Tokenize } from './embedding/tokenize.js'
import { loadVocabulary } from './embedding/vocabulary.js'
import { BUILTIN_ID, startBuiltinEngine } from './engines/builtin/engine.js'
import { BUILTIN_WEIGHTS, loadManifest } from './engines/builtin/weights.js'
import type { Engine } from './engines/engine.js'
import type { BlobStore } from './files/blob-store.js'
import { createFiles, type Files } from './files/files.js'
import { createResolveUserUrl } from './files/resolve-user-url.js'
import { createUrlSigner, type UrlSigner } from './files/signed-url.js'
import { sweepFiles, sweepRegularly } from './files/sweep.js'
import { loadSecret } from './home.js'
import { createApp } from './http/app.js'
import { createTaskLines } from './http/dashscope/task-lines.js'
import { TASK_LIFE_MS } from './http/dashscope/tasks.js'
import { endpointsOf } from './http/endpoints.js'
import { createBatchCallback } from './http/openai/batch-callback.js'
import { createBatchLines } from './http/openai/batch-lines.js'
import { isGone, nameHolder } from './jobs/holder.js'
import type { JobStore } from './jobs/job-store.js'
import { resultFiles, signedResult } from './jobs/publishers.js'
import { type RunningJobs, startJobs } from './jobs/start-jobs.js'
import { createDiskBlobStore, type DiskBlobStore } from './stores/disk/blob-store.js'
import { createSqlFileIndex } from './stores/sql/file-index.js'
import { createSqlJobStore } from './stores/sql/job-store.js'
import { checkSqlite, snapshotSqlite } from './stores/sqlite/backup.js'
import { openSqlite } from './stores/sqlite/database.js'
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

/** For the whole of a task's or batch's input; at the slowest pace allowed it would be days. */
const INPUT_DEADLINE_MS = 3_600_000
/** A list of batches looks back that far. */
const BATCH_KEPT_MS = 30 * 24 * 3_600_000

/** Bytes that outlive a request. */
export interface Storage {
  blobs: BlobStore
  files: Files
  signer: UrlSigner
  jobStore: JobStore
  close(): Promise<void>
}

/** Open what is kept, and go on removing what need not be kept any more. */
export async function assembleStorage(settings: Settings, log: Logger): Promise<Storage> {
  const { database, index, jobStore } = await openDatabase(settings)
  const blobs = await openBlobStore(settings)
  const closing = new AbortController()
  const sweeping = sweepRegularly((signal) => sweepFiles({ blobs, index, now: new Date() }, signal), {
    signal: closing.signal,
    onError: (cause) => log.error({ cause }, 'expired files could not be swept'),
  })
  return {
    blobs,
    files: createFiles({ blobs, index, limits: { ...settings, maxBytes: settings.maxStorageBytes } }),
    signer: createUrlSigner(loadSecret(settings.home)),
    jobStore,
    async close() {
      closing.abort()
      await sweeping
      await database.destroy()
    },
  }
}

/** What lies in the database, whichever it is. */
async function openDatabase({ home, databaseUrl }: Settings) {
  if (databaseUrl === undefined) {
    const database = await openSqlite(join(home, DATABASE))
    return { database, index: createSqlFileIndex(database), jobStore: createSqlJobStore(database) }
  }
  const { openPostgres, serialize } = await import('./stores/postgres/database.js')
  const database = await openPostgres(databaseUrl)
  const shared = { serialize }
  return { database, index: createSqlFileIndex(database, shared), jobStore: createSqlJobStore(database, shared) }
}

async function openBlobStore({ home, s3Bucket: bucket, ...settings }: Settings): Promise<BlobStore | DiskBlobStore> {
  if (bucket === undefined) return createDiskBlobStore(join(home, BLOBS))
  const { s3Endpoint: endpoint, s3Region: region, s3AccessKeyId, s3SecretAccessKey } = settings
  const credentials =
    s3AccessKeyId === undefined || s3SecretAccessKey === undefined
      ? undefined
      : { accessKeyId: s3AccessKeyId, secretAccessKey: s3SecretAccessKey }
  // The SDK is large; who keeps files on disk never loads it.
  const { createS3BlobStore } = await import('./stores/s3/blob-store.js')
  return createS3BlobStore({ bucket, endpoint, region, credentials })
}

const DATABASE = 'quiver.db'
const BLOBS = 'blobs'

/** Copy what a server keeps into a folder, while it runs. @throws {BackupError} */
export async function backUpHome(settings: Settings, folder: string, signal: AbortSignal): Promise<BackupReport> {
  checkDatabaseIsFile(settings)
  const { home } = settings
  const blobs = await openBlobStore(settings)
  const source: BackupSource = {
    home,
    blobs,
    snapshotDatabase: async (path) => snapshotSqlite(join(home, DATABASE), path),
    // Of a bucket nobody can hold back deletions; what goes meanwhile is a file without bytes after a restore.
    holdBlobs: async () => ('holdDeletions' in blobs ? blobs.holdDeletions() : { release: async () => {} }),
  }
  return backUp(source, { folder, signal, blobsOf: (into) => createDiskBlobStore(join(into, BLOBS)) })
}

/** Bring a backup into an empty home. @throws {BackupError} */
export async function restoreHome(settings: Settings, folder: string, signal: AbortSignal): Promise<BackupReport> {
  checkDatabaseIsFile(settings)
  const from = createDiskBlobStore(join(folder, BLOBS))
  const to = await openBlobStore(settings)
  return restore(folder, { home: settings.home, from, to, checkDatabase: checkSqlite, signal })
}

/** @throws {BackupError} */
function checkDatabaseIsFile({ databaseUrl }: Settings): void {
  if (databaseUrl === undefined) return
  throw new BackupError('databaseUrl: a PostgreSQL database is backed up with its own tools, such as pg_dump.')
}

/** Work on tasks and batches. */
async function assembleJobs(
  settings: Settings,
  { pipeline, storage, detokenize, log }: { pipeline: Pipeline; storage: Storage; detokenize: Detokenize; log: Logger },
): Promise<RunningJobs> {
  const { blobs, files, jobStore: store } = storage
  const now = () => new Date()
  const safeFetch = createSafeFetch({ allow: parseAllowList(settings.egressAllow), resolve: resolveHost })
  const resolveUserUrl = createResolveUserUrl(files, safeFetch)
  const holder = nameHolder(randomUUID())
  return startJobs({
    store,
    blobs,
    embed: pipeline.embed,
    openInput: (job, limits) =>
      resolveUserUrl(job.source, {
        ...limits,
        project: job.project,
        model: job.model ?? '',
        isOssAllowed: job.options.isOssAllowed === true,
        deadlineMs: INPUT_DEADLINE_MS,
        param: job.kind === 'task' ? 'input.url' : 'input_file_id',
      }),
    rules: {
      task: {
        format: createTaskLines(pipeline.catalog),
        publisher: signedResult,
        keptMs: TASK_LIFE_MS,
        wantsNotice: () => false,
        notify: async () => {},
      },
      batch: {
        format: createBatchLines({ catalog: pipeline.catalog, detokenize }),
        publisher: resultFiles(files, now),
        keptMs: BATCH_KEPT_MS,
        ...createBatchCallback(safeFetch, { secret: settings.callbackSecret ?? loadSecret(settings.home), now }),
      },
    },
    holder,
    isGone: (other) => isGone(other, holder),
    slots: settings.jobSlots,
    now,
    newId: randomUUID,
    random: Math.random,
    log,
  })
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
  const storage = await assembleStorage(settings, log)
  const detokenize = createDetokenize(catalog, { loadVocabulary, maxTextBytes: settings.maxBodyBytes })
  const running = await assembleJobs(settings, { pipeline, storage, detokenize, log })
  let isDraining = false
  let isAbandoned = false
  const app = createApp(endpointsOf({ version: VERSION, catalog, window: pipeline.builtin.window }), {
    services: {
      catalog,
      detokenize,
      embed: pipeline.embed,
      tokenize: pipeline.tokenize,
      inspect: pipeline.inspect,
      defaultModel: catalog.get(settings.defaultModel),
      keyring: createKeyring(settings.apiKeys),
      maxQueuedInputs: settings.maxQueuedInputs,
      metrics: createMetrics(),
      files: storage.files,
      blobs: storage.blobs,
      signer: storage.signer,
      jobs: running.jobs,
      publicUrl: settings.publicUrl,
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
