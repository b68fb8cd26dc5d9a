import { z } from 'zod'
import type { TextType } from '../embed-request.js'
import { ApiError } from '../errors.js'
import { isListOf, isString, jsonList, jsonText } from '../list-of.js'
import { typeName } from '../parse.js'

/**
 * What the routes of text-embeddings-inference have in common.
 *
 * Shapes and words are those of its source, 1.9.3: `router/src/http/types.rs`, `router/src/http/server.rs`,
 * `core/src/tokenization.rs`.
 */

/** Inputs of one request: the original's default of `--max-client-batch-size`. */
export const MAX_CLIENT_BATCH_SIZE = 32

const isTokenId = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0
const jsonTokenId = { type: 'integer', minimum: 0 } as const
export const isTokenIds = isListOf(isTokenId)
export const jsonTokenIds = jsonList(jsonTokenId)

/** A text, or a text as the ids of its tokens. */
export type Input = string | number[]

const isInput = (value: unknown): value is Input => isString(value) || isTokenIds(value)

export const Inputs = z
  .custom<Input | Input[]>((value) => isInput(value) || isListOf(isInput)(value))
  .meta({
    description: 'A text, a list of texts, the token ids of a text, or a list of such lists.',
    anyOf: [jsonText, jsonTokenIds, jsonList({ anyOf: [jsonText, jsonTokenIds] })],
  })

/** Absent parameters are `null` to some clients. */
export const Options = z.object({
  truncate: z
    .boolean()
    .nullish()
    .describe(
      '`true` cuts a text that is too long, `false` makes it an error. Default: as the model is configured, an error.',
    ),
  truncation_direction: z
    .enum(['Left', 'Right', 'left', 'right'])
    .nullish()
    .describe('Which end is cut off; default `right`.'),
  prompt_name: z
    .string()
    .nullish()
    .describe('Use of the texts: `query`, or `document` (the default), also called `passage`.'),
})
export type Options = z.output<typeof Options>

/** @throws {ApiError} `missing_input` for none or an empty one, `invalid_parameter` for more than 32. */
export function listInputs(inputs: z.output<typeof Inputs>): Input[] {
  const list = isList(inputs) ? inputs : [inputs]
  checkBatch(list.length, 'inputs')
  const empty = list.findIndex((input) => input.length === 0)
  if (empty === -1) return list
  throw cannotBeEmpty('inputs', isList(inputs) ? `inputs[${empty}]` : 'inputs')
}

/** A list of inputs, not the ids of one; no ids at all are an empty list. */
function isList(inputs: z.output<typeof Inputs>): inputs is Input[] {
  return Array.isArray(inputs) && typeof inputs[0] !== 'number'
}

/** @throws {ApiError} `missing_input` for 0, `invalid_parameter` for more than 32, in the original's words. */
export function checkBatch(size: number, field: string): void {
  if (size === 0) throw cannotBeEmpty(field, field)
  if (size <= MAX_CLIENT_BATCH_SIZE) return
  const message = `batch size ${size} > maximum allowed batch size ${MAX_CLIENT_BATCH_SIZE}`
  throw new ApiError('invalid_parameter', message, { param: field })
}

/** The parts of a neutral request that {@link Options} decide. @throws {ApiError} for an unknown prompt. */
export function decodeOptions({ truncate, truncation_direction, prompt_name }: Options) {
  return {
    textType: textTypeOf(prompt_name) ?? 'document',
    ...(truncate == null ? {} : { overlong: truncate ? ('truncate' as const) : ('error' as const) }),
    cutAt: truncation_direction?.toLowerCase() === 'left' ? ('start' as const) : ('end' as const),
  }
}

const PROMPTS: Readonly<Record<string, TextType>> = { query: 'query', document: 'document', passage: 'document' }

/** @throws {ApiError} `invalid_parameter` for a name that is none of the three. */
export function textTypeOf(promptName: string | null | undefined): TextType | undefined {
  if (promptName == null) return undefined
  if (Object.hasOwn(PROMPTS, promptName)) return PROMPTS[promptName]
  const available = Object.keys(PROMPTS).join(', ')
  throw new ApiError('invalid_parameter', `\`prompt_name\` was not found. Available prompts: ${available}`, {
    param: 'prompt_name',
  })
}

/** What came instead of a value of a union, whose zod issue names only the first alternative. */
export function describeInputs(body: unknown, field: string, allowed: string) {
  const value = typeof body === 'object' && body !== null ? Reflect.get(body, field) : undefined
  return { row: 'invalid_parameter' as const, message: `\`${field}\` must be ${allowed}; it is ${typeName(value)}` }
}

function cannotBeEmpty(field: string, param: string): ApiError {
  return new ApiError('missing_input', `\`${field}\` cannot be empty`, { param })
}
