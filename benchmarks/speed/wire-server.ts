/**
 * `node wire-server.js quiver|bare [ms lanes]`: a server whose vectors are ready, so that only the way from request to
 * answer costs anything; or, of `quiver`, one whose device has so many lanes that are busy for so long with a request.
 * Prints its address and serves until it is ended.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKeyring } from '@quiver/server/dist/admission/api-key.js'
import { Catalog } from '@quiver/server/dist/catalog/catalog.js'
import { Settings } from '@quiver/server/dist/config.js'
import type { Embed } from '@quiver/server/dist/embedding/embed.js'
import { createInspect } from '@quiver/server/dist/embedding/inspect.js'
import { RunningEngines } from '@quiver/server/dist/embedding/running-engines.js'
import { createApp } from '@quiver/server/dist/http/app.js'
import { endpointsOf } from '@quiver/server/dist/http/endpoints.js'
import { createSqlLedger } from '@quiver/server/dist/stores/sql/ledger.js'
import { openSqlite } from '@quiver/server/dist/stores/sqlite/database.js'
import { LedgerJournal } from '@quiver/server/dist/stores/sqlite/ledger-journal.js'
import { LedgerThread } from '@quiver/server/dist/stores/sqlite/ledger-thread.js'
import { createLog } from '@quiver/server/dist/telemetry/log.js'
import { createMetrics } from '@quiver/server/dist/telemetry/metrics.js'
import type { Ledger } from '@quiver/server/dist/usage/ledger.js'
import { type FastifyInstance, fastify } from 'fastify'
import { readyVectors, takeInTurn } from './ready-vectors.js'

/** What no request for embeddings reaches. */
const UNUSED = new Proxy(
  {},
  {
    get() {
      throw new TypeError('no file is measured here')
    },
  },
) as never // every use of it throws

const SERVERS: Readonly<Record<string, () => FastifyInstance | Promise<FastifyInstance>>> = { quiver, bare }

const create = SERVERS[process.argv[2] ?? '']
if (create === undefined) throw new TypeError(`say which server: ${Object.keys(SERVERS).join(' or ')}`)
process.stdout.write(`${await (await create()).listen({ host: '127.0.0.1', port: 0 })}\n`)
process.once('SIGTERM', () => process.exit(0))

/** Our whole path as `quiver serve` puts it together, with default limits and one key; only the engine is not there. */
async function quiver(): Promise<FastifyInstance> {
  const take = takeInTurn(readyVectors())
  const device = createDevice({ ms: Number(process.argv[3] ?? 0), lanes: Number(process.argv[4] ?? 1) })
  const embed: Embed = async ({ model, inputs }) => {
    await device()
    return {
      model: model.id,
      embeddings: take(inputs.length).map((dense, index) => ({ index, dense, tokens: inputs[index]?.length ?? 0 })),
      totalTokens: inputs.reduce((sum, text) => sum + text.length, 0),
      space: '0123456789abcdef',
      engineSpace: 'fedcba9876543210',
    }
  }
  const catalog = new Catalog()
  const settings = Settings.parse({})
  return createApp(endpointsOf({ version: '0', catalog, window: 500 }), {
    services: {
      catalog,
      embed,
      embedContents: () => unmeasured(),
      resolveUserUrl: () => unmeasured(),
      checkReachable: () => unmeasured(),
      tokenize: async () => [],
      detokenize: async (request) => request,
      inspect: createInspect(new RunningEngines([], { maxQueued: 1 })),
      defaultModel: catalog.get(settings.defaultModel),
      maxQueuedInputs: settings.maxQueuedInputs,
      keyring: createKeyring(['any']),
      metrics: createMetrics(),
      ledger: await openLedger(),
      files: UNUSED,
      blobs: UNUSED,
      signer: UNUSED,
      jobs: UNUSED,
      publicUrl: undefined,
      isAutoSplit: settings.autoSplit,
      isReady: () => true,
      enginesDown: () => [],
      selfTest: () => unmeasured(),
    },
    limits: settings,
    log: createLog(settings.logLevel),
  })
}

/** On this machine's disk, in a folder that goes with the server. */
async function openLedger(): Promise<Ledger> {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-wire-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'quiver.db')
  const database = await openSqlite(path)
  const commit = new LedgerThread(path).append
  const journal = { folder: join(folder, 'ledger'), owner: 'bench', isGone: () => true, onError: console.error }
  return createSqlLedger(database, await LedgerJournal.open({ ...journal, commit }))
}

function unmeasured(): never {
  throw new TypeError('only texts and no engine are measured here')
}

/** A device that works beside the processor: each request has a lane of it for a while, the others wait their turn. */
function createDevice({ ms, lanes }: { ms: number; lanes: number }): () => Promise<unknown> {
  if (ms === 0) return async () => {}
  const busy: Promise<unknown>[] = Array.from({ length: lanes }, () => Promise.resolve())
  let next = 0
  return () => {
    const lane = next++ % lanes
    const done = (busy[lane] as Promise<unknown>).then(() => sleep(ms)) // lane < lanes
    busy[lane] = done
    return done
  }
}

/** The least that a server on the same framework can do: no key, no checks, arrays of numbers ready for JSON.stringify. */
function bare(): FastifyInstance {
  const vectors = readyVectors()
  const take = takeInTurn(vectors)
  const takeArrays = takeInTurn(vectors.map((vector) => Array.from(vector)))
  const app = fastify()
  app.post('/v1/embeddings', async (request) => {
    const { model, input, encoding_format } = request.body as {
      model: string
      input: string[]
      encoding_format?: string
    } // what this benchmark's load sends
    return {
      data: (encoding_format === 'base64' ? take(input.length).map(base64Of) : takeArrays(input.length)).map(
        (embedding, index) => ({ embedding, index, object: 'embedding' }),
      ),
      model,
      object: 'list',
      usage: { prompt_tokens: 10, total_tokens: 10 },
      id: randomUUID(),
    }
  })
  return app
}

function base64Of(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
}
