import type { IncomingHttpHeaders } from 'node:http'
import type { Caller, Keyring } from '../admission/api-key.js'

/**
 * Header → caller. `Authorization: Bearer KEY`, or DashScope's `X-DashScope-ApiKey: KEY`.
 *
 * @throws {ApiError} `invalid_api_key`
 */
export function authenticate(headers: IncomingHttpHeaders, keyring: Keyring): Caller {
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? []
  const own = headers['x-dashscope-apikey']
  return keyring.check(bearer ?? (typeof own === 'string' ? own.trim() : undefined))
}
