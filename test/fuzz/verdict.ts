import { cohere, type Dialect, dashscope, ollama, openai, oss, tei } from '@quiver/protocol'
import { dialectOf } from '@quiver/server/dist/http/dialect-of.js'
import type { z } from 'zod'
import type { Answer } from './answers.js'
import type { Message } from './message.js'
import { ENDPOINTS } from './seeds.js'

const ERROR_BODIES: Record<Dialect, z.ZodType> = {
  dashscope: dashscope.ErrorBody,
  openai: openai.ErrorBody,
  tei: tei.ErrorBody,
  ollama: ollama.ErrorBody,
  cohere: cohere.ErrorBody,
  oss: oss.ErrorBody,
}
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What is wrong with an answer; empty when nothing is. */
export function complaintsAbout({ status, headers, body }: Answer, message: Message): string[] {
  const complaints: string[] = []
  const requestId = headers.get('x-request-id') ?? ''
  if (status >= 500) complaints.push(`status ${status}`)
  if (!UUID.test(requestId)) complaints.push('no x-request-id')
  if (message.method === 'HEAD' || body.length === 0) {
    if (status >= 400 && message.method !== 'HEAD') complaints.push('an error without a body')
    return complaints
  }
  if (headers.get('content-type') === 'application/xml') {
    const error = parseXml(body.toString())
    if (error === undefined || !isErrorBody(error, message.target)) complaints.push('an error in no dialect')
    if (error?.RequestId !== requestId) complaints.push('RequestId is not x-request-id')
    return complaints
  }
  const isJson = headers.get('content-type')?.startsWith('application/json') === true
  if (!isJson) return status >= 400 ? [...complaints, 'an error that is not JSON'] : complaints
  const json = parse(body)
  if (json === undefined) return [...complaints, 'not JSON']
  if (status === 200 && message.response?.safeParse(json).success === false) complaints.push('not of its shape')
  if (status >= 400 && !isErrorBody(json, message.target)) complaints.push('an error in no dialect')
  for (const name of ['request_id', 'id']) {
    const id: unknown = Reflect.get(Object(json), name)
    const isOwn = typeof id === 'string' && UUID.test(id)
    if (isOwn && id !== requestId) complaints.push(`${name} is not x-request-id`)
  }
  return complaints
}

/** Bytes that are no HTTP have no path, so their error is in OpenAI's dialect whatever the path would have been. */
function isErrorBody(json: unknown, target: string): boolean {
  const path = pathOf(target)
  const own = ENDPOINTS.filter(({ paths }) => paths.includes(path)).map(({ dialect }) => dialect)
  return [...own, dialectOf(path), 'openai' as const].some((dialect) => ERROR_BODIES[dialect].safeParse(json).success)
}

/** Path of a target in any of its forms (RFC 9112 §3.2), as the router sees it. */
function pathOf(target: string): string {
  const path = target.replace(/^[a-z]+:\/\/[^/]*/i, '').split(/[?#;]/)[0] ?? ''
  const plain = path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '')
  return plain === '' || plain === '*' ? '/' : plain
}

/** The elements of an error in XML; `undefined` for anything else. */
function parseXml(text: string): Record<string, string> | undefined {
  const [, inside] = /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<Error>\n([\s\S]*)<\/Error>\n$/.exec(text) ?? []
  const lines = inside?.trimEnd().split('\n')
  const elements = lines?.map((line) => /^ {2}<(\w+)>([^<>&]|&#\d+;)*<\/\1>$/.exec(line)?.[1])
  if (lines === undefined || elements === undefined || elements.includes(undefined)) return undefined
  return Object.fromEntries(lines.map((line, i) => [elements[i], line.trim().replace(/<[^>]*>/g, '')]))
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}
