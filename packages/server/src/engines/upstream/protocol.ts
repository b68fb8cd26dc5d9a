import type { TextType } from '@quiver/protocol'
import { type TextFaultOf, UpstreamError } from './upstream-error.js'

/** Texts of one upstream request, their prompts already before them where the protocol has no own. */
export interface EmbedCall {
  model: string
  texts: readonly string[]
  /** Only for servers that answer with fewer components than their model has, unless asked. */
  dimension?: number
  /** Only some protocols have a use for these two; those of the others are in the texts. */
  textType: TextType
  instruct?: string
  /** How vectors travel; protocols without a choice ignore it. */
  encoding: VectorEncoding
}

/** base64: little-endian float32, exact and a quarter of the bytes. */
export type VectorEncoding = 'base64' | 'float'

/** A route, as `connection.ts` resolves it. */
export interface Route {
  path: string
  base?: string
}

export interface WireCall extends Route {
  body: unknown
}

export interface Answer {
  /** In the order of the texts. */
  vectors: Float32Array[]
  /** Tokens of all texts together as the upstream counts them; absent where it does not say. */
  tokens?: number
}

/** What an upstream says of itself. */
export interface ServerInfo {
  /** Hash or commit of the weights. */
  revision?: string
  /** Tokens of one text, special tokens included. */
  maxInputTokens?: number
  /** Texts of one request. */
  maxTexts?: number
}

/** A route that counts tokens. */
export interface TokenRoute {
  /** Texts of one call. */
  readonly maxTexts: number
  encode(texts: readonly string[], model: string): WireCall
  /** Tokens of each text, special tokens left out. @throws {UpstreamError} `invalid_answer` */
  decode(answer: unknown, count: number): number[]
}

/** One way of asking a server for vectors. */
export interface Protocol {
  readonly name: ProtocolName
  /** Texts of one request, unless the server says otherwise. */
  readonly maxTexts: number
  /** Whether the upstream puts the prompts in front itself, and we cannot. */
  readonly hasOwnPrompts: boolean
  /** Whether a request may choose base64. */
  readonly hasBase64: boolean
  /** Costs nothing to ask, and answers 200 while the server works. */
  readonly health?: Route
  readonly tokenRoutes: readonly TokenRoute[]
  encode(call: EmbedCall): WireCall
  /** @throws {UpstreamError} `invalid_answer`, `not_finite` */
  decode(answer: unknown, count: number): Answer
  readonly textFault: TextFaultOf
  readonly info?: Route & { decode(answer: unknown): ServerInfo }
}

export const PROTOCOL_NAMES = ['openai', 'tei', 'ollama', 'dashscope'] as const
export type ProtocolName = (typeof PROTOCOL_NAMES)[number]

/** `value[key]`, whatever `value` is. */
export function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

/** @throws {UpstreamError} unless it is a list of `count`. */
export function listOf(value: unknown, count: number): readonly unknown[] {
  if (Array.isArray(value) && value.length === count) return value
  throw new UpstreamError('invalid_answer', { status: 200 })
}

/** A number of tokens; `undefined` where the upstream gives none, or 0, which some write for "not counted". */
export function tokensOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined
}

/** Records that carry their place, put there. @throws {UpstreamError} unless each of 0…count−1 comes once. */
export function inOrder(records: readonly unknown[], indexKey: string): unknown[] {
  const placed = new Map<unknown, unknown>(records.map((record) => [fieldOf(record, indexKey), record]))
  return records.map((_, index) => {
    if (placed.has(index)) return placed.get(index)
    throw new UpstreamError('invalid_answer', { status: 200 })
  })
}

/** JSON numbers or base64 → Float32Array. @throws {UpstreamError} for anything else, or a component that is not finite. */
export function vectorOf(value: unknown): Float32Array {
  const vector = typeof value === 'string' ? fromBase64(value) : fromNumbers(value)
  if (vector.length === 0) throw new UpstreamError('invalid_answer', { status: 200 })
  return vector
}

function fromNumbers(value: unknown): Float32Array {
  if (!Array.isArray(value)) throw new UpstreamError('invalid_answer', { status: 200 })
  const vector = new Float32Array(value.length)
  for (let i = 0; i < vector.length; i++) {
    const component: unknown = value[i]
    // JSON has no NaN: servers write null for it. Beyond float32's range it would become infinite.
    if (typeof component !== 'number' || !Number.isFinite(Math.fround(component))) {
      throw new UpstreamError(component === null || typeof component === 'number' ? 'not_finite' : 'invalid_answer', {
        status: 200,
      })
    }
    vector[i] = component
  }
  return vector
}

function fromBase64(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length % 4 !== 0) throw new UpstreamError('invalid_answer', { status: 200 })
  // Copied, since a Float32Array must begin at a multiple of four; every platform of Node is little-endian.
  const vector = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
  for (let i = 0; i < vector.length; i++) {
    if (!Number.isFinite(vector[i])) throw new UpstreamError('not_finite', { status: 200 })
  }
  return vector
}

/** Every word of an error answer, for the words that say which kind it is; nothing of it is kept. */
export function wordsOf(body: unknown): string {
  return (typeof body === 'string' ? body : (JSON.stringify(body) ?? '')).slice(0, 10_000)
}
