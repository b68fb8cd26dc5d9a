import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { connect } from '../transport/connect.js'
import { exchange } from '../transport/exchange.js'
import { connectThrough } from '../transport/tunnel.js'
import { VERSION } from '../version.js'
import { type Proxies, proxyFor } from './proxies.js'
import { PullError, reasonOf, TransientError } from './pull-error.js'

/** A secret, and the only origin (scheme, host, port) that may see it. */
export interface Credentials {
  origin: string
  token: string
}

export interface GetOptions {
  signal: AbortSignal
  /** The answer has to have begun by then. */
  answerMs: number
  headers?: Readonly<Record<string, string>>
  credentials?: Credentials
}

export interface Answer {
  status: number
  /** Lower-case names. */
  headers: Readonly<IncomingHttpHeaders>
  /** Where it came from in the end, after redirects. */
  url: string
  /** Has to be read to its end, or destroyed. */
  body: Readable
}

/** Requests to the hosts that an operator names. Not for URLs that a caller of the server sends: those need other care. */
export interface Http {
  get(url: string, options: GetOptions): Promise<Answer>
  /** End what is under way. */
  close(): void
}

const MAX_REDIRECTS = 5
const CONNECT_MS = 10_000

export function createHttp(proxies: Proxies = {}): Http {
  const closed = new AbortController()

  async function follow(url: URL, options: GetOptions, redirects: number): Promise<Answer> {
    const { status, headers, body } = await ask(url, { ...options, proxies })
    const { location } = headers
    if (![301, 302, 303, 307, 308].includes(status) || location === undefined) {
      return { status, headers, url: url.href, body }
    }
    body.destroy()
    if (redirects === MAX_REDIRECTS) throw new PullError(`${url.host}: more than ${MAX_REDIRECTS} redirects.`)
    return follow(redirectTarget(location, url), options, redirects + 1)
  }

  return {
    async get(url, options) {
      try {
        const signal = AbortSignal.any([options.signal, closed.signal])
        return await follow(new URL(url), { ...options, signal }, 0)
      } catch (error) {
        options.signal.throwIfAborted()
        if (error instanceof PullError) throw error
        throw new TransientError(`${new URL(url).host} cannot be reached (${reasonOf(error)})`, undefined, {
          cause: error,
        })
      }
    },
    close: () => closed.abort(new Error('the client was closed')),
  }
}

async function ask(
  url: URL,
  { signal, answerMs, headers, credentials, proxies }: GetOptions & { proxies: Proxies },
): Promise<Omit<Answer, 'url'>> {
  const proxy = proxyFor(url, proxies)
  const reach = { signal, connectMs: CONNECT_MS }
  const connection = await (proxy === undefined ? connect(url, reach) : connectThrough(proxy, url, reach))
  const { response } = await exchange(url, {
    connection,
    signal,
    headMs: answerMs,
    headers: {
      'user-agent': `quiver/${VERSION}`,
      'accept-encoding': 'identity', // ranges and lengths are those of the bytes themselves
      ...headers,
      ...(credentials?.origin === url.origin && { authorization: `Bearer ${credentials.token}` }),
    },
  })
  return { status: response.statusCode ?? 0, headers: response.headers, body: response }
}

function redirectTarget(location: string, from: URL): URL {
  if (!URL.canParse(location, from.href)) throw new PullError(`${from.host}: redirects to something that is no URL.`)
  const target = new URL(location, from)
  const isWeb = target.protocol === 'https:' || target.protocol === 'http:'
  if (!isWeb || (from.protocol === 'https:' && target.protocol === 'http:')) {
    throw new PullError(`${from.host}: redirects from ${from.protocol} to ${target.protocol}, which is refused.`)
  }
  return target
}

/** An answer that is not what was asked for and will not become so by asking again. */
export class HttpFailure extends PullError {
  constructor(
    readonly status: number,
    /** Hugging Face's `X-Error-Code`: `RepoNotFound`, `RevisionNotFound`, `EntryNotFound`, `GatedRepo`. */
    readonly code: string | undefined,
    message: string,
  ) {
    super(message)
  }
}

/**
 * Pass answers of status 2xx.
 *
 * @throws {TransientError} for 408, 429 and 5xx; {@link HttpFailure} for any other.
 */
export function checkAnswer(answer: Answer): Answer {
  const { status, headers, url, body } = answer
  if (status >= 200 && status < 300) return answer
  body.destroy()
  const { host } = new URL(url)
  if (status === 408 || status === 429 || status >= 500) {
    throw new TransientError(`${host} answers ${status}`, retryAfterMs(headers))
  }
  const code = headers['x-error-code']
  throw new HttpFailure(status, typeof code === 'string' ? code : undefined, `${host} answers ${status}`)
}

/** `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), else the reset of a `RateLimit` header: `"api";r=0;t=55`. */
function retryAfterMs(headers: Answer['headers'], now = Date.now()): number | undefined {
  const after = headers['retry-after']
  if (typeof after === 'string') {
    const ms = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - now
    if (Number.isFinite(ms)) return Math.max(0, ms)
  }
  const limit = headers.ratelimit
  const seconds = typeof limit === 'string' ? /(?:^|;)\s*r=0\b.*;\s*t=(\d+)/.exec(limit)?.[1] : undefined
  return seconds === undefined ? undefined : Number(seconds) * 1000
}
