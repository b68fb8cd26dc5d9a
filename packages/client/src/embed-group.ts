import { fromBase64 } from './base64.js'
import { DEFAULT_MODEL, type EmbedOptions } from './embed-options.js'
import { QuiverError } from './quiver-error.js'
import type { HttpAnswer, HttpRequest } from './transport.js'
import type { OutputType, SparseTerm, VectorOf } from './vectors.js'

/** Vectors of one request, in the order of its texts. */
export interface GroupAnswer<Output extends OutputType> {
  vectors: VectorOf[Output][]
  totalTokens: number
  space: string
  requestId: string
  /** Positions of the texts of which only the beginning was embedded; those of the request until they are shifted. */
  truncated: number[]
}

/** One request for embeddings: which endpoint, what it is sent, what its answer means. */
interface EmbeddingRoute<Output extends OutputType> {
  encode(texts: readonly string[], options: EmbedOptions<OutputType>): HttpRequest
  /** @throws {TypeError} when the answer has another shape. */
  decode(json: never): Decoded<Output>
}

interface Decoded<Output extends OutputType> {
  /** In any order. */
  vectors: [position: number, vector: VectorOf[Output]][]
  totalTokens: number
}

/** The compatible endpoint's answer to `base64`; docs/api/embeddings.md. */
interface CompatibleAnswer {
  data: { index: number; embedding: string }[]
  usage: { total_tokens: number }
}

/** The native endpoint's answer; docs/api/text-embedding.md. */
interface NativeAnswer {
  output: { embeddings: { text_index: number; embedding: number[]; sparse_embedding: SparseTerm[] }[] }
  usage: { total_tokens: number }
}

/** Dense vectors travel as base64, a third of the bytes of JSON numbers; only the native endpoint has sparse ones. */
const ROUTES: { [Output in OutputType]: EmbeddingRoute<Output> } = {
  dense: {
    encode: (texts, { model = DEFAULT_MODEL, dimension, textType, instruct }) => ({
      path: '/v1/embeddings',
      body: { model, input: texts, encoding_format: 'base64', dimensions: dimension, text_type: textType, instruct },
    }),
    decode: ({ data, usage }: CompatibleAnswer) => ({
      vectors: data.map(({ index, embedding }) => [index, fromBase64(embedding)]),
      totalTokens: usage.total_tokens,
    }),
  },
  sparse: native((embedding) => embedding.sparse_embedding),
  'dense&sparse': native(({ embedding, sparse_embedding }) => ({
    dense: Float32Array.from(embedding), // the digits name exactly these float32 values
    sparse: sparse_embedding,
  })),
}

function native<Output extends OutputType>(
  vectorOf: (embedding: NativeAnswer['output']['embeddings'][number]) => VectorOf[Output],
): EmbeddingRoute<Output> {
  return {
    encode: (texts, { model = DEFAULT_MODEL, dimension, textType, instruct, outputType }) => ({
      path: '/api/v1/services/embeddings/text-embedding/text-embedding',
      body: {
        model,
        input: { texts },
        parameters: { dimension, text_type: textType, instruct, output_type: outputType },
      },
    }),
    decode: ({ output, usage }: NativeAnswer) => ({
      vectors: output.embeddings.map((embedding) => [embedding.text_index, vectorOf(embedding)]),
      totalTokens: usage.total_tokens,
    }),
  }
}

/** The request for texts that fit one request. */
export function encodeGroup(texts: readonly string[], options: EmbedOptions<OutputType>): HttpRequest {
  const request = ROUTES[options.outputType ?? 'dense'].encode(texts, options)
  return options.overlong === undefined ? request : { ...request, headers: { 'x-quiver-overlong': options.overlong } }
}

/** @throws {QuiverError} `invalid_answer` unless there is exactly one vector for every text. */
export function decodeGroup<Output extends OutputType>(
  { json, requestId, space, truncated }: HttpAnswer,
  { output, count }: { output: Output; count: number },
): GroupAnswer<Output> {
  const invalid = (what: string, cause?: unknown) =>
    new QuiverError(`The answer ${what}; is this a Quiver server?`, { code: 'invalid_answer', requestId, cause })
  let decoded: Decoded<Output>
  try {
    decoded = ROUTES[output].decode(json as never) // a shape that is not the promised one throws
  } catch (cause) {
    throw invalid('has another shape than the documented one', cause)
  }
  const ordered = decoded.vectors.toSorted(([a], [b]) => a - b)
  if (
    ordered.length !== count ||
    ordered.some(([position, vector], index) => position !== index || vector === undefined)
  ) {
    throw invalid(`has not exactly one vector for each of ${count} texts`)
  }
  const vectors = ordered.map(([, vector]) => vector)
  return { vectors, totalTokens: decoded.totalTokens, space, requestId, truncated }
}
