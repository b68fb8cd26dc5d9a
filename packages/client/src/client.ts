/** The typed client. No dependencies; runs in Node and in browsers. */

/** What a server offers as its newest model. */
const DEFAULT_MODEL = 'text-embedding-v4'

export interface QuiverClientOptions {
  /** `http://127.0.0.1:8790`, with or without a trailing slash. */
  baseUrl?: string
  /** A local server without keys takes any. */
  apiKey?: string
  /** For tests and proxies; default: the global one. */
  fetch?: typeof fetch
}

export interface EmbedOptions {
  /** Default: {@link DEFAULT_MODEL}. */
  model?: string
  /** Components of each vector; default: the model's. */
  dimension?: number
  /** Search with a `query` against `document`s; default `document`. */
  textType?: 'query' | 'document'
  signal?: AbortSignal
}

/** Vectors in the order of the texts, and what they cost. */
export interface EmbedAnswer {
  vectors: Float32Array[]
  totalTokens: number
  /** Fingerprint of the vector space: store it beside the vectors, never compare vectors of two spaces. */
  space: string
  requestId: string
}

/** The server refused or failed. */
export class QuiverError extends Error {
  override readonly name = 'QuiverError'
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly requestId: string,
  ) {
    super(message)
  }
}

interface Answer {
  data: { index: number; embedding: string }[]
  usage: { total_tokens: number }
  id: string
}

interface Failure {
  error?: { message?: string; code?: string }
  request_id?: string
}

export class QuiverClient {
  readonly #baseUrl: string
  readonly #apiKey: string
  readonly #fetch: typeof fetch

  constructor(options: QuiverClientOptions = {}) {
    this.#baseUrl = (options.baseUrl ?? 'http://127.0.0.1:8790').replace(/\/+$/, '')
    this.#apiKey = options.apiKey ?? 'any'
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis)
  }

  /**
   * Embed texts in one request; the model's limit on texts applies.
   *
   * @throws {QuiverError} for every answer that is not 200.
   */
  async embed(texts: string | readonly string[], options: EmbedOptions = {}): Promise<EmbedAnswer> {
    const response = await this.#fetch(`${this.#baseUrl}/v1/embeddings`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: options.model ?? DEFAULT_MODEL,
        input: texts,
        encoding_format: 'base64',
        dimensions: options.dimension,
        text_type: options.textType,
      }),
      ...(options.signal && { signal: options.signal }),
    })
    if (!response.ok) throw await toError(response)
    const answer = (await response.json()) as Answer // the shape that docs/api/embeddings.md promises
    const vectors = answer.data.toSorted((a, b) => a.index - b.index).map(({ embedding }) => fromBase64(embedding))
    const space = response.headers.get('x-quiver-space') ?? ''
    return { vectors, totalTokens: answer.usage.total_tokens, space, requestId: answer.id }
  }
}

async function toError(response: Response): Promise<QuiverError> {
  const { error, request_id } = (await response.json().catch(() => ({}))) as Failure // anything but JSON tells nothing
  return new QuiverError(
    error?.message ?? `HTTP ${response.status}`,
    response.status,
    error?.code ?? '',
    request_id ?? response.headers.get('x-request-id') ?? '',
  )
}

/** Base64 of little-endian float32 → Float32Array, on machines of either byte order. */
function fromBase64(text: string): Float32Array {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  const view = new DataView(bytes.buffer)
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(i * 4, true))
}
