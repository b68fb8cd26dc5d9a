import { z } from 'zod'
import type { EmbedRequest } from '../embed-request.js'
import type { EmbedResult } from '../embed-result.js'
import type { OnWire } from '../on-wire.js'
import { parseWith } from '../parse.js'
import { decodeOptions, describeInputs, type Input, Inputs, listInputs, Options } from './inputs.js'

/** Body of `POST /embed_sparse`. */
export const EmbedSparseBody = Options.extend({ inputs: Inputs })
export type EmbedSparseBody = z.output<typeof EmbedSparseBody>

/** Body of `POST /embed`. */
export const EmbedBody = EmbedSparseBody.extend({
  normalize: z.boolean().nullish().describe('`false` leaves the vectors as the model computed them; default `true`.'),
  dimensions: z.int().nullish().describe('Components of each vector; the model lists what it offers.'),
})
export type EmbedBody = z.output<typeof EmbedBody>

/** Always a list of vectors, for a single input too. */
export const EmbedResponse = z.array(z.array(z.number()))
export type EmbedResponse = z.output<typeof EmbedResponse>

export const EmbedSparseResponse = z.array(z.array(z.object({ index: z.int(), value: z.number() })))
export type EmbedSparseResponse = z.output<typeof EmbedSparseResponse>

/** What the wire leaves open: the model, and the texts that token ids stand for. */
export interface TeiContext {
  model: string
  textOf: (ids: number[], field: string) => string
}

/** @throws {ApiError} naming the first field that is of the wrong type. */
export function parseEmbed(body: unknown): EmbedBody {
  return parseInputs(EmbedBody, body)
}

/** @throws {ApiError} naming the first field that is of the wrong type. */
export function parseEmbedSparse(body: unknown): EmbedSparseBody {
  return parseInputs(EmbedSparseBody, body)
}

/** Wire → neutral. @throws {ApiError} for no inputs, too many, or an unknown prompt. */
export function decodeEmbed(body: EmbedBody, context: TeiContext): EmbedRequest {
  return {
    ...neutral(body, context),
    outputType: 'dense',
    normalize: body.normalize ?? true,
    ...(body.dimensions == null ? {} : { dimension: body.dimensions }),
  }
}

/** Wire → neutral. @throws {ApiError} for no inputs, too many, or an unknown prompt. */
export function decodeEmbedSparse(body: EmbedSparseBody, context: TeiContext): EmbedRequest {
  return { ...neutral(body, context), outputType: 'sparse' }
}

/** Neutral → wire. */
export function encodeEmbed(result: EmbedResult): OnWire<EmbedResponse> {
  return result.embeddings.map(({ dense }) => dense ?? new Float32Array(0))
}

/** Neutral → wire; terms by ascending index, as the original's walk over the vocabulary yields them. */
export function encodeEmbedSparse(result: EmbedResult): EmbedSparseResponse {
  return result.embeddings.map(({ sparse = [] }) =>
    sparse.map(({ index, value }) => ({ index, value })).sort((a, b) => a.index - b.index),
  )
}

function parseInputs<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  return parseWith(schema, body, (_issue, path) =>
    path.startsWith('inputs')
      ? describeInputs(body, 'inputs', 'a text, a list of texts, or token ids (whole numbers, or lists of them)')
      : undefined,
  )
}

function neutral(body: EmbedSparseBody, { model, textOf }: TeiContext) {
  const asText = (input: Input, index: number) =>
    typeof input === 'string' ? input : textOf(input, `inputs[${index}]`)
  return {
    model,
    inputs: listInputs(body.inputs).map(asText),
    ...decodeOptions(body),
    fields: { inputs: 'inputs', dimension: 'dimensions' },
  }
}
