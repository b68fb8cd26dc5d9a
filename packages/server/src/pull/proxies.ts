import { portOf } from '../transport/url-parts.js'
import { PullError } from './pull-error.js'

/** Proxies as the environment names them; absent: none. */
export interface Proxies {
  httpProxy?: string
  /** Absent: that of http. */
  httpsProxy?: string
  /** Hosts that are asked without one, each with those below it: `localhost, .example.com, 10.0.0.1:8080`; `*` for all. */
  noProxy?: string
}

/** Read `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; in lower case they come first, as with other programs. */
export function readProxies(environment: Readonly<Record<string, string | undefined>>): Proxies {
  const given = (name: string) => environment[name.toLowerCase()]?.trim() || environment[name]?.trim() || undefined
  const [httpProxy, httpsProxy, noProxy] = [given('HTTP_PROXY'), given('HTTPS_PROXY'), given('NO_PROXY')]
  return { ...(httpProxy && { httpProxy }), ...(httpsProxy && { httpsProxy }), ...(noProxy && { noProxy }) }
}

/** The proxy to ask for a URL, if any. @throws {PullError} when what is named is no http or https URL. */
export function proxyFor(url: URL, { httpProxy, httpsProxy, noProxy = '' }: Proxies): URL | undefined {
  const proxy = url.protocol === 'https:' ? (httpsProxy ?? httpProxy) : httpProxy
  if (proxy === undefined || noProxy.split(/[,\s]+/).some((entry) => isMeant(url, entry))) return undefined
  const parsed = URL.canParse(proxy) ? new URL(proxy) : undefined
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return parsed
  const kind = parsed === undefined ? 'no URL' : `a URL of ${parsed.protocol}`
  throw new PullError(`HTTP_PROXY, HTTPS_PROXY: must be http or https URLs, such as http://proxy:3128; got ${kind}.`)
}

function isMeant(url: URL, entry: string): boolean {
  if (entry === '') return false
  if (entry === '*') return true
  const [, name = '', port] = /^(.+?)(?::(\d+))?$/.exec(entry) ?? []
  if (port !== undefined && Number(port) !== portOf(url)) return false
  const host = name.replace(/^\*?\./, '').toLowerCase()
  return url.hostname === host || url.hostname.endsWith(`.${host}`)
}
