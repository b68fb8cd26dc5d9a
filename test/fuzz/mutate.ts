import { METHODS } from 'node:http'
import { HOSTILE_BYTES, hostileText } from './hostile.js'
import type { Framing, Message } from './message.js'
import { mutateJson } from './mutate-json.js'
import type { Random } from './random.js'

type Mutation = (message: Message, random: Random) => Message

/** One to three changes to a valid request; now and then none, so that valid traffic is among the hostile. */
export function mutate(message: Message, random: Random): Message {
  if (random.chance(0.03)) return message
  const changes = 1 + random.below(3)
  let mutated = message
  for (let i = 0; i < changes; i++) mutated = random.pick(MUTATIONS)(mutated, random)
  return mutated
}

const json: Mutation = (message, random) => ({ ...message, body: mutateJson(message.body, random) })

/** Bytes of the body cut off, flipped, put in, doubled, or in another encoding. */
const bytes: Mutation = (message, random) => {
  const { body } = message
  const at = random.below(body.length + 1)
  const replaced = random.pick<() => Buffer>([
    () => body.subarray(0, at),
    () => Buffer.concat([body.subarray(0, at), random.pick(HOSTILE_BYTES), body.subarray(at)]),
    () => Buffer.from(body.map((byte, i) => (i === at ? byte ^ (1 << random.below(8)) : byte))),
    () => Buffer.concat([body, body]),
    () => Buffer.concat([Buffer.from('\ufeff'), body]),
    () => Buffer.from(body.toString(), 'utf16le'),
    () => Buffer.from(body.toString(), 'latin1'),
    () => Buffer.from('['.repeat(50_000)),
    () => Buffer.from(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`),
    () => Buffer.alloc(0),
    () => Buffer.alloc(random.chance(0.02) ? 5 * 1024 * 1024 : 20_000, 'x'),
  ])()
  return { ...message, body: replaced }
}

const HEADERS: readonly (readonly [string, readonly string[]])[] = [
  [
    'Authorization',
    ['', 'Bearer', 'Bearer  ', 'Basic eA==', 'Bearer \xff\xfe', `Bearer ${'k'.repeat(9_000)}`, 'bearer x'],
  ],
  ['X-DashScope-ApiKey', ['x', '', '\xe4\xbd\xa0']],
  ['X-DashScope-Async', ['enable', 'disable', 'ENABLE', '1', '']],
  ['X-Quiver-Overlong', ['error', 'truncate', 'chunk-mean', 'x', '', '__proto__']],
  [
    'Content-Type',
    ['text/plain', 'multipart/form-data', 'application/json; charset=utf-16', '/', '', ';;;', 'a/b; c="'],
  ],
  ['Content-Encoding', ['gzip', 'br', 'identity', 'IDENTITY', '', 'gzip, gzip', 'x'.repeat(200)]],
  ['Content-Length', ['-1', '0', '1e3', '99999999999999999999', '5, 5', 'x', '']],
  ['Transfer-Encoding', ['gzip', 'chunked, chunked', 'identity', 'x', '']],
  ['Connection', ['close', 'upgrade', 'keep-alive, x', '']],
  ['Upgrade', ['websocket', 'h2c', '']],
  ['Expect', ['100-continue', '200-ok', '']],
  ['Accept-Encoding', ['gzip;q=x', '*', '']],
  ['Accept', ['text/html', 'x', '']],
  ['Host', ['', 'x y', '[::1', 'a'.repeat(5_000)]],
  ['Origin', ['null', 'http://x']],
  ['__proto__', ['x']],
  ['constructor', ['x']],
  ['X-Request-Id', ['\x7f', 'r']],
  ['Bad Name', ['x']],
  ['X-Long', ['v'.repeat(20_000)]],
  ['X-Folded', ['a\r\n b']],
  ['X-Nul', ['a\0b']],
]

const header: Mutation = (message, random) => {
  const [name, values] = random.pick(HEADERS)
  const value = random.pick(values)
  const others = message.headers.filter(([own]) => own.toLowerCase() !== name.toLowerCase())
  const isSecond = random.chance(0.2)
  return { ...message, headers: [...(isSecond ? message.headers : others), [name, value]] }
}

const fewerHeaders: Mutation = (message, random) => {
  const dropped = random.below(message.headers.length + 1)
  return { ...message, headers: message.headers.filter((_, i) => i !== dropped) }
}

const ODD_PATHS = [
  '%00',
  '%zz',
  '%ff',
  '%2e%2e',
  '..',
  '.',
  '',
  '%F0%9F%98%80',
  '*',
  '\xff',
  '__proto__',
  'constructor',
]
const ODD_QUERIES = ['', 'a', '&&&', 'page_no=-1', 'page_no=1e99', 'page_size=NaN', '__proto__[x]=1', 'model=%ff', '%']

const path: Mutation = (message, random) => {
  const [own = '', query] = message.target.split('?')
  const parts = own.split('/')
  const at = random.below(parts.length)
  const target = random.pick<() => string>([
    () => parts.map((part, i) => (i === at ? random.pick(ODD_PATHS) : part)).join('/'),
    () => `${own}/`,
    () => own.replaceAll('/', '//'),
    () => `${own}/${random.pick(ODD_PATHS)}`,
    () => `${own}?${random.pick(ODD_QUERIES)}&${query ?? ''}`,
    () => `${own}?q=${'q'.repeat(random.below(9_000))}`,
    () => `http://example.invalid${own}`,
    () => own.toUpperCase(),
    () => `${own}#x`,
    () => `/${'p'.repeat(random.below(9_000))}`,
    () => random.pick(['*', '', 'x', '//', '/?', '/%', 'http://[::1', `${own} x`]),
  ])()
  return { ...message, target, response: undefined }
}

const ODD_METHODS = ['', 'get', 'GETT', 'POST POST', '\0', '风', 'PRI']

const method: Mutation = (message, random) => ({
  ...message,
  // CONNECT asks for a tunnel; its answer, if any, is no HTTP message.
  method: random.pick([...METHODS.filter((name) => name !== 'CONNECT'), ...ODD_METHODS]),
  response: undefined,
})

const FRAMINGS: readonly Framing[] = ['chunked', 'too-long', 'too-short', 'unannounced', 'broken-chunks']

const framing: Mutation = (message, random) => ({ ...message, framing: random.pick(FRAMINGS) })

const longText: Mutation = (message, random) => ({
  ...message,
  body: Buffer.from(message.body.toString().replace(/"[^"]{3,}"(?=[\],}])/, () => JSON.stringify(hostileText(random)))),
})

/** JSON first: most of what can go wrong is in the body. */
const MUTATIONS: readonly Mutation[] = [
  ...[json, json, json, json, json, json],
  ...[bytes, bytes, header, header, fewerHeaders, path, path, method, framing, longText],
]
