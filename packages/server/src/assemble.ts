import type { FastifyInstance } from 'fastify'
import { createKeyring } from './admission/api-key.js'
import { Catalog } from './catalog/catalog.js'
import type { Settings } from './config.js'
import { createEmbed, type Embed } from './embedding/embed.js'
import { createTokenize, type Tokenize } from './embedding/tokenize.js'
import { startBuiltinEngine } from './engines/builtin/engine.js'
import type { Engine } from './engines/engine.js'
import { createApp } from './http/app.js'
import { endpointsOf } from './http/endpoints.js'
import type { Logger } from './telemetry/log.js'
import { VERSION } from './version.js'

/** What computes: enough for the command line, which needs no server. */
export interface Pipeline {
  catalog: Catalog
  embed: Embed
  tokenize: Tokenize
  engine: Engine
  close(): Promise<void>
}

/** Load and verify the engines. Slow: a few hundred milliseconds. */
export async function assemblePipeline(
  settings: Pick<Settings, 'threads' | 'maxQueuedInputs'>,
  signal: AbortSignal,
): Promise<Pipeline> {
  const engine = await startBuiltinEngine({ ...settings, signal })
  const engines = new Map([[engine.id, engine]])
  const findEngine = (id: string) => {
    const found = engines.get(id)
    if (found === undefined) throw new TypeError(`the catalog names an engine that does not exist: ${id}`)
    return found
  }
  return {
    catalog: new Catalog(),
    embed: createEmbed(findEngine),
    tokenize: createTokenize(findEngine),
    engine,
    close: () => engine.close(),
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
  const pipeline = await assemblePipeline(settings, signal)
  let isDraining = false
  let isAbandoned = false
  const app = createApp(endpointsOf({ version: VERSION, catalog: pipeline.catalog, window: pipeline.engine.window }), {
    services: {
      catalog: pipeline.catalog,
      embed: pipeline.embed,
      tokenize: pipeline.tokenize,
      keyring: createKeyring(settings.apiKeys),
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
