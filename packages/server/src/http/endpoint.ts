import type { Dialect } from '@quiver/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Caller, Keyring } from '../admission/api-key.js'
import type { Catalog } from '../catalog/catalog.js'
import type { TextModel } from '../catalog/text-model.js'
import type { CheckReachable } from '../egress/check-reachable.js'
import type { Detokenize } from '../embedding/detokenize.js'
import type { Embed } from '../embedding/embed.js'
import type { Inspect } from '../embedding/inspect.js'
import type { Tokenize } from '../embedding/tokenize.js'
import type { BlobStore } from '../files/blob-store.js'
import type { Files } from '../files/files.js'
import type { ResolveUserUrl } from '../files/resolve-user-url.js'
import type { UrlSigner } from '../files/signed-url.js'
import type { Jobs } from '../jobs/jobs.js'
import type { EmbedContents } from '../multimodal/embed-contents.js'
import type { Metrics } from '../telemetry/metrics.js'
import type { Ledger } from '../usage/ledger.js'
import type { SelfTest } from '../verify/self-test.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; `undefined` where no key is asked for, or before it was checked. */
    caller: Caller | undefined
  }
  interface FastifyContextConfig {
    /** Of the endpoint; absent where there is none. */
    dialect?: Dialect
  }
}

/** What handlers may use. */
export interface Services {
  catalog: Catalog
  detokenize: Detokenize
  embed: Embed
  embedContents: EmbedContents
  resolveUserUrl: ResolveUserUrl
  checkReachable: CheckReachable
  tokenize: Tokenize
  inspect: Inspect
  selfTest: SelfTest
  /** The public model of dialects whose requests name none. */
  defaultModel: TextModel
  keyring: Keyring
  /** Inputs that may wait for the engine. */
  maxQueuedInputs: number
  metrics: Metrics
  ledger: Ledger
  files: Files
  blobs: BlobStore
  jobs: Jobs
  signer: UrlSigner
  /** Base of URLs that are given out; the request's own host without it. */
  publicUrl: string | undefined
  /** Whether compatible mode takes more texts than the model's limit. */
  isAutoSplit: boolean
  /** Whether a request for an embedding would be served now. */
  isReady: () => boolean
  /** Engines that cannot compute now, by their ids; their models answer 503 while the others serve. */
  enginesDown: () => string[]
}

/** What a handler gets besides the raw request. */
export interface Exchange {
  services: Services
  request: FastifyRequest
  reply: FastifyReply
  /** Sent as `x-request-id` and in the body. */
  requestId: string
  /** The decoded JSON body; `undefined` without one. */
  body: unknown
  /** Aborts when the client has gone or the request has taken too long. */
  signal: AbortSignal
}

/** One endpoint: its URLs, its documentation and its handler. Routing and `/openapi.json` read the same list. */
export interface Endpoint {
  method: 'GET' | 'POST' | 'DELETE'
  /** Paths as Fastify writes them; the first one is documented, the others are said to be the same. */
  paths: readonly [string, ...string[]]
  /** Shape of its errors. */
  dialect: Dialect
  /** Callable without a key. */
  isPublic?: boolean
  summary: string
  description?: string
  tag: string
  body?: z.ZodType
  /** Fields of a multipart form, which the handler reads as it arrives (`read-form.ts`); instead of `body`. */
  form?: z.ZodType
  /** Its bodies bring pictures and videos along, and may be larger than others. */
  hasMedia?: boolean
  response?: z.ZodType
  /** The answer is bytes of any kind, as they were stored; instead of `response`. */
  isBytes?: boolean
  handle: (exchange: Exchange) => Promise<unknown> | unknown
}
