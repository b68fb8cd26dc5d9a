import type { IncomingHttpHeaders } from 'node:http'
import type { Dialect } from '@quiver/protocol'
import { ANONYMOUS, type Caller, type Keyring } from '../admission/api-key.js'

/** Dialects whose clients send no key unless told to; where none is configured, none is asked for. */
const WITHOUT_KEYS: ReadonlySet<Dialect> = new Set(['tei', 'ollama'])

/**
 * Header → caller. `Authorization: Bearer KEY`, or DashScope's `X-DashScope-ApiKey: KEY`. Spaces around a key do not count;
 * a key may hold some, as that of the OpenAI SDKs' own tests does.
 *
 * @throws {ApiError} `invalid_api_key`
 */
export function authenticate(headers: IncomingHttpHeaders, keyring: Keyring, dialect: Dialect): Caller {
  const [, bearer = ''] = /^Bearer +(.*)$/i.exec(headers.authorization ?? '') ?? []
  const own = headers['x-dashscope-apikey']
  const key = bearer.trim() || (typeof own === 'string' ? own.trim() : undefined)
  if (key === undefined && keyring.isOpen && WITHOUT_KEYS.has(dialect)) return ANONYMOUS
  return keyring.check(key)
}
