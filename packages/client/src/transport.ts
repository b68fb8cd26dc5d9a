import { type CallScope, openScope, sleep } from './call-scope.js'
import { QuiverError } from './quiver-error.js'
import { isRetryable, retryAfterMs, retryDelayMs } from './retry.js'

export interface TransportOptions {
  baseUrl: string
  apiKey: string
  fetch: typeof fetch
  /** Further attempts after the first. */
  maxRetries: number
  /** One attempt, from sending to the last byte of the answer. */
  requestTimeoutMs: number
}

/** A POST when it has a body or a form, else a GET; `method` says otherwise. */
export interface HttpRequest {
  path: string
  method?: 'POST' | 'DELETE'
  headers?: Record<string, string>
  body?: unknown
  /** Sent instead of `body`; read again for each attempt. */
  form?: FormData
}

/** A 200 with a JSON body. */
export interface HttpAnswer {
  json: unknown
  requestId: string
  /** The header `x-quiver-space`; empty where a server or a proxy does not send it. */
  space: string
  /** The header `x-quiver-truncated`: positions of the texts of which only the beginning was embedded. */
  truncated: number[]
}

/** One JSON request at a time: key, retries, time limits, errors. */
export class Transport {
  readonly #options: TransportOptions

  constructor(options: TransportOptions) {
    this.#options = options
  }

  /**
   * Send until it is answered or there is no sense in trying again.
   *
   * @throws {QuiverError} the last failure. A wait that would outlast the deadline is not begun.
   * @throws the reason of the scope's signal, when that fires.
   */
  async send(request: HttpRequest, scope: CallScope): Promise<HttpAnswer> {
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#attempt(request, scope.signal)
      if (!(outcome instanceof QuiverError)) return outcome
      const delayMs = retryDelayMs(attempt, outcome.retryAfterMs)
      if (!outcome.isRetryable || attempt >= this.#options.maxRetries || delayMs >= scope.remainingMs()) throw outcome
      await sleep(delayMs, scope.signal)
    }
  }

  /**
   * Bytes as they come, without a limit of time for all of them. Not tried again: who reads them knows how far it came.
   *
   * @throws {QuiverError}
   */
  async open(url: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { baseUrl, apiKey } = this.#options
    const isOwn = url.startsWith('/')
    // A signed URL is a key of its own, and may lead to another server.
    const headers = isOwn ? { authorization: `Bearer ${apiKey}` } : {}
    const response = await this.#options.fetch(isOwn ? `${baseUrl}${url}` : url, { headers, signal })
    if (!response.ok) throw refusal(response, parseJson(await response.text()))
    return response.body ?? new ReadableStream({ start: (controller) => controller.close() })
  }

  async #attempt(
    { path, method, headers, body, form }: HttpRequest,
    signal: AbortSignal,
  ): Promise<HttpAnswer | QuiverError> {
    const { baseUrl, apiKey, requestTimeoutMs } = this.#options
    const scope = openScope({ signal, timeoutMs: requestTimeoutMs })
    try {
      const response = await this.#options.fetch(`${baseUrl}${path}`, {
        method: method ?? (body === undefined && form === undefined ? 'GET' : 'POST'),
        headers: {
          ...headers,
          authorization: `Bearer ${apiKey}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(form !== undefined && { body: form }),
        signal: scope.signal,
      })
      return readAnswer(response, await response.text())
    } catch (cause) {
      signal.throwIfAborted()
      if (scope.signal.reason instanceof QuiverError) return scope.signal.reason
      const message = `No answer from ${baseUrl}: ${reasonOf(cause)}.`
      return new QuiverError(message, { code: 'connection_failed', cause, isRetryable: true })
    } finally {
      scope.end()
    }
  }
}

function readAnswer(response: Response, text: string): HttpAnswer | QuiverError {
  const { status, headers } = response
  const json = parseJson(text)
  const requestId = headers.get('x-request-id') ?? ''
  if (!response.ok) return refusal(response, json)
  if (json !== undefined) {
    const truncated = headers.get('x-quiver-truncated')?.split(',').map(Number) ?? []
    return { json, requestId, space: headers.get('x-quiver-space') ?? '', truncated }
  }
  return new QuiverError(`HTTP ${status} without JSON; is this a Quiver server?`, {
    code: 'invalid_answer',
    status,
    requestId,
  })
}

/** Either dialect's error body; a proxy's has neither shape, then only the status speaks. */
interface ErrorBody {
  error?: { message?: string; code?: string; param?: string | null }
  message?: string
  code?: string
  request_id?: string
}

function refusal({ status, headers }: Response, json: unknown): QuiverError {
  // Every field is optional, so that a body of another shape reads as one without fields.
  const body = (typeof json === 'object' && json !== null ? json : {}) as ErrorBody
  return new QuiverError(body.error?.message ?? body.message ?? `HTTP ${status}`, {
    status,
    code: body.error?.code ?? body.code ?? `http_${status}`,
    requestId: headers.get('x-request-id') ?? body.request_id,
    param: body.error?.param ?? undefined,
    retryAfterMs: retryAfterMs(headers),
    isRetryable: isRetryable(status, headers),
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // JSON has no `undefined`, so this is unambiguous
  }
}

/** Node hides the cause («ECONNREFUSED») one level down; browsers say what they may in the message. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}
