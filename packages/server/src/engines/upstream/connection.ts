import type { IncomingHttpHeaders } from 'node:http'
import { type Dispatcher, Pool } from 'undici'
import { readTextLimit } from './text-limit.js'
import { type TextFaultOf, UpstreamError } from './upstream-error.js'

/** A keep-alive connection that nobody used this long is closed by us, before the servers' usual 60 to 75 s. */
const KEEP_ALIVE_MS = 30_000
/** Of a server's own offer to keep a connection open: a second is left for the way. */
const KEEP_ALIVE_MARGIN_MS = 1_000
const CONNECT_TIMEOUT_MS = 3_000
/** What an error answer may have; it is read for its kind only. */
const MAX_ERROR_BYTES = 65_536

export interface ConnectionOptions {
  headers: Readonly<Record<string, string>>
  /** TCP connections at a time; each carries one call. */
  connections: number
  /** A larger answer is no answer. */
  maxAnswerBytes: number
}

export interface Call {
  method: 'GET' | 'POST'
  path: string
  /** Comes before `path` where the configured URL has no path of its own; absent for routes beside the API's. */
  base?: string
  body?: unknown
  /** Closes the call's connection: the upstream sees its client go. */
  signal: AbortSignal
  /** For the whole of it, connecting included. */
  timeoutMs: number
  /** Whether an answer that is no 200 says that the fault is a text's. */
  textFault?: TextFaultOf
}

interface WholeAnswer {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

/** One upstream server over HTTP, with connections that stay open. Redirects are refused: undici follows none. */
export class Connection {
  readonly #pool: Pool
  /** Path of the configured URL, without a slash at its end; empty where it has none. */
  readonly basePath: string
  readonly #headers: Readonly<Record<string, string>>

  constructor(url: string, { headers, connections, maxAnswerBytes }: ConnectionOptions) {
    const { origin, pathname } = new URL(url)
    this.basePath = pathname.replace(/\/+$/, '')
    this.#headers = headers
    this.#pool = new Pool(origin, {
      connections,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: 0, // `timeoutMs` of the call bounds both
      bodyTimeout: 0,
      maxResponseSize: Math.max(maxAnswerBytes, MAX_ERROR_BYTES),
    })
  }

  /**
   * One call, its answer parsed as JSON.
   *
   * @throws {UpstreamError}
   * @throws the signal's reason when it is aborted.
   */
  async call({ method, path, base, body, signal, timeoutMs, textFault }: Call): Promise<unknown> {
    signal.throwIfAborted()
    const { status, headers, text } = await this.#exchange(
      {
        method,
        path: this.#resolve(path, base),
        headers: {
          accept: 'application/json',
          ...this.#headers,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      },
      { signal, timeoutMs },
    )
    if (status === 200) return text === '' ? undefined : parseJson(text)
    throw toError(status, { headers, body: parseLoosely(text), textFault })
  }

  /**
   * One request and its whole answer, by undici's dispatch: its `request` makes a stream and an abort signal of each
   * answer, which cost more than the answer. Reading is never paused: were it, and the server hung up meanwhile, undici 7
   * would end the process (nodejs/undici#5360).
   */
  #exchange(
    request: Dispatcher.DispatchOptions,
    { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
  ): Promise<WholeAnswer> {
    return new Promise((resolve, reject) => {
      let controller: Dispatcher.DispatchController | undefined
      let ended: Error | undefined
      const settle = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
      }
      const end = (reason: Error) => {
        settle()
        ended = reason
        controller?.abort(reason) // or as soon as it is there, when a connection is still being made
        reject(reason)
      }
      const timer = setTimeout(() => end(new UpstreamError('timeout')), timeoutMs)
      const abort = () => end(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      const answer: Omit<WholeAnswer, 'text'> = { status: 0, headers: {} }
      const chunks: Buffer[] = []
      this.#pool.dispatch(request, {
        onRequestStart(own) {
          controller = own
          if (ended !== undefined) own.abort(ended)
        },
        onResponseStart(_controller, status, headers) {
          if (status >= 200) Object.assign(answer, { status, headers }) // what comes before says nothing yet
        },
        onResponseData: (_controller, chunk) => void chunks.push(chunk),
        onResponseEnd() {
          settle()
          const [only] = chunks
          const bytes = only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks)
          resolve({ ...answer, text: bytes.toString() })
        },
        onResponseError(_controller, error) {
          if (ended !== undefined) return // and told
          settle()
          reject(toFailure(error))
        },
      })
    })
  }

  /** `/v1` at the end of a configured URL is the API's, so routes beside it are where that is not. */
  #resolve(path: string, base: string | undefined): string {
    return (base === undefined ? this.basePath.replace(/\/v1$/, '') : this.basePath || base) + path
  }

  /** Calls under way fail as unreachable. */
  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}

/** undici's code for an answer of more bytes than it may have. */
const TOO_LARGE = 'UND_ERR_RES_EXCEEDED_MAX_SIZE'
/** Codes that say that there is no server. */
const ABSENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH'])

/** No answer, or one that is too large. */
function toFailure(error: unknown): UpstreamError {
  const code = codeOf(error)
  if (code === TOO_LARGE) return new UpstreamError('invalid_answer', { status: 200 })
  return new UpstreamError('unreachable', { isAbsent: ABSENT.has(code) })
}

/** undici wraps what several addresses of one name said. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function toError(
  status: number,
  { headers, body, textFault }: { headers: IncomingHttpHeaders; body: unknown; textFault: TextFaultOf | undefined },
): UpstreamError {
  const retryAfterMs = parseRetryAfter(headers['retry-after'], Date.now())
  const options = { status, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  const maxTexts = status < 500 ? readTextLimit(body) : undefined
  if (maxTexts !== undefined) return new UpstreamError('too_many_texts', { ...options, maxTexts })
  const fault = textFault?.(status, body)
  if (fault !== undefined) return new UpstreamError(fault, options)
  if (status === 429 || (status === 503 && retryAfterMs !== undefined)) return new UpstreamError('busy', options)
  if (status >= 500) return new UpstreamError('server_error', options)
  if (status === 401 || status === 403) return new UpstreamError('unauthorized', options)
  if (status === 404 || status === 405) return new UpstreamError('not_found', options)
  if (status >= 400) return new UpstreamError('refused', options)
  return new UpstreamError(status >= 300 ? 'redirect' : 'invalid_answer', options)
}

/** RFC 9110 §10.2.3: seconds, or a date. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UpstreamError('invalid_answer', { status: 200 })
  }
}

/** Errors may be plain text. */
function parseLoosely(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
