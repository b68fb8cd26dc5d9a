import { z } from 'zod'
import type { EmbedRequest } from '../embed-request.js'
import { TextList } from '../list-of.js'
import { parseWith } from '../parse.js'
import { checkBatch, decodeOptions, Options } from './inputs.js'

/** Body of `POST /similarity`. */
export const SimilarityBody = z.object({
  inputs: z.object({
    source_sentence: z.string().describe('The text that the others are compared with.'),
    sentences: TextList.describe('1 to 31 texts.'),
  }),
  parameters: Options.nullish(),
})
export type SimilarityBody = z.output<typeof SimilarityBody>

/** Cosine of each sentence with the source, in request order; larger is closer, in −1…1. */
export const SimilarityResponse = z.array(z.number())
export type SimilarityResponse = z.output<typeof SimilarityResponse>

/** @throws {ApiError} naming the first field that is of the wrong type. */
export function parseSimilarity(body: unknown): SimilarityBody {
  return parseWith(SimilarityBody, body)
}

/** Wire → neutral: the source first, then the sentences. @throws {ApiError} for none or too many. */
export function decodeSimilarity({ inputs, parameters }: SimilarityBody, model: string): EmbedRequest {
  checkBatch(inputs.sentences.length, 'inputs.sentences')
  checkBatch(inputs.sentences.length + 1, 'inputs.sentences') // the source is one of a batch
  return {
    model,
    inputs: [inputs.source_sentence, ...inputs.sentences],
    outputType: 'dense',
    ...decodeOptions(parameters ?? {}),
    fields: { inputs: '[inputs.source_sentence, ...inputs.sentences]', dimension: 'dimensions' },
  }
}
