import { z } from 'zod'
import type { TextType } from '../embed-request.js'
import { ApiError } from '../errors.js'
import { isListOf, jsonList, Texts } from '../list-of.js'
import { parseWith } from '../parse.js'
import { checkBatch, describeInputs, isTokenIds, jsonTokenIds, textTypeOf } from './inputs.js'

/** Body of `POST /tokenize`. */
export const TokenizeBody = z.object({
  inputs: Texts.describe('A text or a list of texts.'),
  add_special_tokens: z.boolean().nullish().describe('Whether to show the tokens that frame a text; default `true`.'),
  prompt_name: z.string().nullish().describe('Put the prompt of this use before each text.'),
})
export type TokenizeBody = z.output<typeof TokenizeBody>

/**
 * One token. `start` and `stop` count UTF-8 bytes of the text, prompt included, and are `null` for special tokens;
 * `text` is what stands there.
 *
 * Bytes, because the original takes the offsets of `Tokenizer::encode` (`into_tokens` in core/src/tokenization.rs; its
 * own test expects (12, 18) for two Chinese characters).
 */
export const SimpleToken = z.object({
  id: z.int(),
  text: z.string(),
  special: z.boolean(),
  start: z.int().nullable(),
  stop: z.int().nullable(),
})
export type SimpleToken = z.output<typeof SimpleToken>

export const TokenizeResponse = z.array(z.array(SimpleToken))
export type TokenizeResponse = z.output<typeof TokenizeResponse>

/** Body of `POST /decode`. */
export const DecodeBody = z.object({
  ids: z
    .custom<number[] | number[][]>((value) => isTokenIds(value) || isListOf(isTokenIds)(value))
    .meta({
      description: 'The ids of a text, or a list of such lists.',
      anyOf: [jsonTokenIds, jsonList(jsonTokenIds)],
    }),
  skip_special_tokens: z
    .boolean()
    .nullish()
    .describe('Whether to leave out the tokens that frame a text; default `true`.'),
})
export type DecodeBody = z.output<typeof DecodeBody>

export const DecodeResponse = z.array(z.string())

/** @throws {ApiError} for a wrong type, no text, an empty one, or more than 32. */
export function parseTokenize(body: unknown): { texts: string[]; isFramed: boolean; prompt?: TextType } {
  const { inputs, add_special_tokens, prompt_name } = parseWith(TokenizeBody, body, (_issue, path) =>
    path.startsWith('inputs') ? describeInputs(body, 'inputs', 'a text or a list of texts') : undefined,
  )
  const texts = typeof inputs === 'string' ? [inputs] : inputs
  checkBatch(texts.length, 'inputs')
  if (texts.includes('')) throw new ApiError('missing_input', '`inputs` cannot be empty', { param: 'inputs' })
  const prompt = textTypeOf(prompt_name)
  return { texts, isFramed: add_special_tokens ?? true, ...(prompt && { prompt }) }
}

/** @throws {ApiError} for a wrong type, no ids, or more than 32 lists of them. */
export function parseDecode(body: unknown): { lists: number[][]; keepSpecial: boolean } {
  const { ids, skip_special_tokens } = parseWith(DecodeBody, body, (_issue, path) =>
    path.startsWith('ids') ? describeInputs(body, 'ids', 'whole numbers, or lists of them') : undefined,
  )
  // An empty list is no text rather than a text of no ids; the original refuses both.
  const lists = ids.every((id) => Array.isArray(id)) ? ids : [ids as number[]] // the schema has no mixed lists
  checkBatch(lists.length, 'ids')
  if (lists.some((list) => list.length === 0)) {
    throw new ApiError('missing_input', '`input_ids` cannot be empty', { param: 'ids' })
  }
  return { lists, keepSpecial: skip_special_tokens === false }
}

/** A token of a text, in UTF-16 units [start, end). */
interface Located {
  id: number
  start: number
  end: number
}

/** Neutral → wire: places in UTF-16 units become places in bytes. */
export function encodeTokens(text: string, tokens: readonly Located[]): SimpleToken[] {
  const byteAt = byteOffsets(text)
  return tokens.map(({ id, start, end }) => ({
    id,
    text: text.slice(start, end),
    special: false,
    start: byteAt[start] ?? 0, // places lie within the text, which has an offset for each unit and its end
    stop: byteAt[end] ?? 0,
  }))
}

export function encodeSpecial({ id, name }: { id: number; name: string }): SimpleToken {
  return { id, text: name, special: true, start: null, stop: null }
}

/** UTF-8 bytes before each UTF-16 unit, and before the end: number[text.length + 1]. */
function byteOffsets(text: string): number[] {
  const offsets: number[] = []
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    for (let unit = 0; unit < character.length; unit++) offsets.push(bytes)
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4
  }
  offsets.push(bytes)
  return offsets
}
