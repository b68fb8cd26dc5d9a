import type { IncomingHttpHeaders } from 'node:http'
import type { Caller, Keyring } from '../admission/api-key.js'

/**
 * Header → caller. `Authorization: Bearer KEY`, or DashScope's `X-DashScope-ApiKey: KEY`. Spaces around a key do not count;
 * a key may hold some, as that of the OpenAI SDKs' own tests does.
 *
 * @throws {ApiError} `invalid_api_key`
 */
export function authenticate(headers: IncomingHttpHeaders, keyring: Keyring): Caller {
  const [, bearer = ''] = /^Bearer +(.*)$/i.exec(headers.authorization ?? '') ?? []
  const own = headers['x-dashscope-apikey']
  return keyring.check(bearer.trim() || (typeof own === 'string' ? own.trim() : undefined))
}
