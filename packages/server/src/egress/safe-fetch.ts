import { ApiError } from '@quiver/protocol'
import { checkUrl } from './check-url.js'
import { downloadFailed } from './download-failed.js'
import { findAddresses, type Reach, UNREACHABLE } from './find-addresses.js'
import { guardedBody, type Pace, tooLarge } from './guarded-body.js'
import { type PinnedResponse, pinnedRequest } from './pinned-request.js'

export interface SafeFetchOptions {
  /** Most bytes of the body, compressed or not. */
  maxBytes: number
  /** From the call to the last byte of the body. */
  deadlineMs: number
  signal: AbortSignal
  /** Value of the `Accept` header. */
  accept?: string
  /** Field that held the URL; errors name it. */
  param?: string
  /** POST this instead of GET; a redirect is then an error, for what is posted was meant for one place. */
  post?: { body: string; headers: Readonly<Record<string, string>> }
}

/** A successful answer (2xx). Names of headers are lower case. The transfer ends with the iteration of `body`. */
export interface SafeResponse {
  status: number
  headers: Readonly<Record<string, string>>
  /** Behind all redirects. */
  finalUrl: string
  /** Decompressed. @throws {ApiError} `download_failed` while it is read, when a limit is broken. */
  body: AsyncIterable<Uint8Array>
}

/**
 * GET a URL that a caller named, or POST to it.
 *
 * @throws {ApiError} `invalid_url` for one that may not be asked for at all, `download_failed` for everything that goes wrong
 *   on the way; the signal's reason when it aborts.
 */
export type SafeFetch = (url: string, options: SafeFetchOptions) => Promise<SafeResponse>

export interface SafeFetchSettings extends Reach {
  timeouts?: Partial<Timeouts>
  pace?: Pace
  /** Certificate authority besides the usual ones; tests have their own. */
  ca?: string
}

interface Timeouts {
  connectMs: number
  /** From the request to the end of the response's head. */
  headMs: number
  /** Between two pieces of the body. */
  idleMs: number
}

const MAX_REDIRECTS = 3
const TIMEOUTS: Timeouts = { connectMs: 10_000, headMs: 30_000, idleMs: 15_000 }
/** 1 KiB/s; a drip of single bytes would hold a job for days. */
const PACE: Pace = { windowMs: 10_000, minBytes: 10 * 1024 }
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/**
 * The one way out for URLs that callers name. For each hop: check the URL, resolve its host once, check every address, then
 * connect to exactly those addresses; so a name that answers differently a moment later (rebinding) gains nothing. Host
 * header and TLS name stay the URL's. No cookies, no credentials, no proxy.
 */
export function createSafeFetch(settings: SafeFetchSettings): SafeFetch {
  return async (url, options) => {
    const deadline = startDeadline(options)
    const explain = (error: unknown) => deadline.explain(error)
    let hop: Hop | undefined
    try {
      hop = await followRedirects(checkUrl(url, options), { ...settings, ...options, signal: deadline.signal })
      const { response, url: finalUrl } = hop
      const { idleMs } = { ...TIMEOUTS, ...settings.timeouts }
      const body = bodyOf(hop, { maxBytes: options.maxBytes, pace: settings.pace ?? PACE, idleMs })
      return {
        status: response.status,
        headers: flatten(response.headers),
        finalUrl: finalUrl.href,
        body: releasing(body, { hop, explain, end: () => deadline.end() }),
      }
    } catch (error) {
      deadline.end()
      hop?.response.close()
      throw explain(error)
    }
  }
}

interface Hop {
  url: URL
  response: PinnedResponse
}

type HopOptions = SafeFetchSettings & SafeFetchOptions

async function followRedirects(first: URL, options: HopOptions): Promise<Hop> {
  let url = first
  for (let redirects = 0; ; redirects++) {
    const response = await ask(url, options)
    const { status, headers } = response
    if (status >= 200 && status < 300) return { url, response }
    response.close()
    if (!REDIRECTS.has(status)) throw downloadFailed(`its server answered with status ${status}`)
    if (options.post !== undefined) throw downloadFailed('it was redirected')
    if (redirects === MAX_REDIRECTS) throw downloadFailed(`it was redirected more than ${MAX_REDIRECTS} times`)
    const [location, ...others] = headers.location ?? []
    if (location === undefined || others.length > 0) throw downloadFailed('it was redirected to no single place')
    const next = checkUrl(location, { base: url })
    if (url.protocol === 'https:' && next.protocol === 'http:') {
      throw downloadFailed('it was redirected from https to http')
    }
    url = next
  }
}

async function ask(url: URL, options: HopOptions): Promise<PinnedResponse> {
  const { accept = '*/*', post, timeouts, ca, signal } = options
  const { connectMs, headMs } = { ...TIMEOUTS, ...timeouts }
  return pinnedRequest(url, {
    addresses: await checkedAddresses(url, options),
    // Not compressed: there is nothing to gain that would be worth a bomb. Some servers compress all the same.
    headers: { accept, 'accept-encoding': 'identity', 'user-agent': 'quiver', ...post?.headers },
    ...(post && { body: post.body }),
    signal,
    connectMs,
    headMs,
    ...(ca !== undefined && { ca }),
  })
}

/** @throws {ApiError} `download_failed` */
async function checkedAddresses(url: URL, options: HopOptions): Promise<string[]> {
  const addresses = await findAddresses(url, options)
  if (addresses === undefined) throw downloadFailed(UNREACHABLE)
  return addresses
}

function bodyOf(
  { response }: Hop,
  limits: { maxBytes: number; pace: Pace; idleMs: number },
): AsyncGenerator<Uint8Array> {
  const { 'content-length': length, 'content-encoding': encoding } = flatten(response.headers)
  // No need to wait for the bytes of a body that says itself that it is too long.
  if (Number(length) > limits.maxBytes) throw tooLarge(limits.maxBytes)
  return guardedBody(response.body, encoding ?? '', limits)
}

/** The body, with everything that belongs to the transfer released when it ends, however it ends. */
async function* releasing(
  body: AsyncGenerator<Uint8Array>,
  { hop, explain, end }: { hop: Hop; explain: (error: unknown) => unknown; end: () => void },
): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw explain(error)
  } finally {
    end()
    hop.response.close()
  }
}

interface Deadline {
  signal: AbortSignal
  /** What a failure means to the caller. */
  explain(error: unknown): unknown
  end(): void
}

function startDeadline({ signal, deadlineMs, param }: SafeFetchOptions): Deadline {
  signal.throwIfAborted()
  const controller = new AbortController()
  const late = downloadFailed(`it took longer than ${deadlineMs} ms`)
  const timer = setTimeout(() => controller.abort(late), deadlineMs)
  const giveUp = () => controller.abort(signal.reason)
  signal.addEventListener('abort', giveUp, { once: true })
  return {
    signal: controller.signal,
    explain(error) {
      if (signal.aborted) return signal.reason
      const known = controller.signal.aborted ? late : error
      if (!(known instanceof ApiError))
        return downloadFailed('it could not be fetched', { cause: error, ...named(param) })
      return new ApiError(known.row, known.message, { cause: known.cause, ...named(param) })
    },
    end() {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
    },
  }
}

function named(param: string | undefined): { param?: string } {
  return param === undefined ? {} : { param }
}

function flatten(headers: PinnedResponse['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, values.join(', ')]))
}
