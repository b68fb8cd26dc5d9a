import { Batches } from './batches.js'
import type { Call, CallOptions } from './call.js'
import { openScope } from './call-scope.js'
import { embedGroup, embedGroups } from './embed-groups.js'
import { DEFAULT_MODEL, type EmbedOptions } from './embed-options.js'
import { Files } from './files.js'
import { MaxInputs } from './max-inputs.js'
import { type Model, toModel, toModels } from './model.js'
import {
  decodeMultimodal,
  encodeMultimodal,
  type MultimodalAnswer,
  type MultimodalInput,
  type MultimodalOptions,
} from './multimodal.js'
import { Tasks } from './tasks.js'
import { type HttpAnswer, type HttpRequest, Transport } from './transport.js'
import type { OutputType, VectorOf } from './vectors.js'

export interface QuiverClientOptions {
  /** Root of the server, with or without a trailing slash; default `http://127.0.0.1:8790`. */
  baseUrl?: string
  /** A local server without keys takes any. */
  apiKey?: string
  /** Further attempts after a failure that may pass; default 4. */
  maxRetries?: number
  /** Time for one attempt; default 310 s, a little more than the server gives itself. */
  requestTimeoutMs?: number
  /** For tests and proxies; default: the global one. */
  fetch?: typeof fetch
}

/** Vectors in the order of the texts, and what they cost. */
export interface EmbedAnswer<Output extends OutputType = 'dense'> {
  vectors: VectorOf[Output][]
  /** Over all texts. */
  totalTokens: number
  /** Fingerprint of the vector space: store it beside the vectors, never compare dense vectors of two spaces. */
  space: string
  /** Of every request that was sent, in the order of the texts. */
  requestIds: string[]
  /** Positions of the texts of which only the beginning was embedded; see the option `overlong`. */
  truncated: number[]
}

/** One text of {@link QuiverClient.embedAll}, embedded. */
export interface EmbeddedText<Output extends OutputType = 'dense'> {
  /** Position in the source, from 0. */
  position: number
  text: string
  vector: VectorOf[Output]
  space: string
  /** Whether only its beginning was embedded; see the option `overlong`. */
  isTruncated: boolean
}

export interface Progress {
  /** Texts embedded so far. */
  texts: number
  /** Tokens of these texts. */
  totalTokens: number
}

export interface EmbedAllOptions<Output extends OutputType = 'dense'> extends EmbedOptions<Output> {
  /** Called after every request that was answered, in the order of the texts. */
  onProgress?: (progress: Progress) => void
}

/** A token as the serving model counts it. */
export interface Token {
  id: number
  /** A space at its start marks the beginning of a word. */
  text: string
}

/** A Quiver server. Holds no connection of its own; one for the whole program is enough. */
export class QuiverClient {
  /** Files of the caller: input and output of batches, input of tasks. */
  readonly files: Files
  /** Files of texts, embedded line by line. */
  readonly tasks: Tasks
  /** Files of requests, at half price. */
  readonly batches: Batches
  readonly #transport: Transport
  readonly #maxInputs: MaxInputs

  constructor(options: QuiverClientOptions = {}) {
    this.#transport = new Transport({
      baseUrl: (options.baseUrl ?? 'http://127.0.0.1:8790').replace(/\/+$/, ''),
      apiKey: options.apiKey ?? 'any',
      fetch: options.fetch ?? globalThis.fetch.bind(globalThis),
      maxRetries: options.maxRetries ?? 4,
      requestTimeoutMs: options.requestTimeoutMs ?? 310_000,
    })
    this.#maxInputs = new MaxInputs(this.#transport)
    const call: Call = (request, callOptions) => this.#call(request, callOptions)
    this.files = new Files(this.#transport, call)
    this.tasks = new Tasks(this.#transport, call)
    this.batches = new Batches(call)
  }

  /**
   * Embed any number of texts, in as many requests as the model's limit asks for.
   *
   * All or nothing: one text that is refused fails the call, and the error says which.
   * @throws {QuiverError} what the server answered, with positions in `texts`; or one of the client's own faults.
   * @throws the signal's reason, when that fires.
   */
  async embed<Output extends OutputType = 'dense'>(
    texts: string | readonly string[],
    options: EmbedOptions<Output> = {},
  ): Promise<EmbedAnswer<Output>> {
    const list = typeof texts === 'string' ? [texts] : [...texts]
    const scope = openScope(options)
    const parts = { transport: this.#transport, maxInputs: this.#maxInputs, scope }
    try {
      const answer: EmbedAnswer<Output> = { vectors: [], totalTokens: 0, space: '', requestIds: [], truncated: [] }
      const answers =
        list.length < 2 // one text fits every model; and of none the server says what is wrong with that
          ? [await embedGroup({ offset: 0, texts: list }, options, parts)]
          : embedGroups(list, options, parts)
      for await (const { vectors, totalTokens, space, requestId, truncated } of answers) {
        for (const vector of vectors) answer.vectors.push(vector)
        answer.totalTokens += totalTokens
        answer.space = space
        answer.requestIds.push(requestId)
        answer.truncated.push(...truncated)
      }
      return answer
    } finally {
      scope.end()
    }
  }

  /**
   * Embed texts as they come, from a file or a database of any size.
   *
   * Memory is bounded: no more than `(concurrency + 1) × maxInputs` texts and vectors are held, and the source is read
   * no faster than the vectors are taken. Leaving the loop early stops what still runs and closes the source.
   * @throws {QuiverError} as {@link embed}; everything before the fault has been yielded.
   */
  async *embedAll<Output extends OutputType = 'dense'>(
    texts: Iterable<string> | AsyncIterable<string>,
    options: EmbedAllOptions<Output> = {},
  ): AsyncGenerator<EmbeddedText<Output>, void, undefined> {
    if (typeof texts === 'string') throw new TypeError('embedAll takes a sequence of texts; give one text to embed().')
    const scope = openScope(options)
    const parts = { transport: this.#transport, maxInputs: this.#maxInputs, scope }
    const progress = { texts: 0, totalTokens: 0 }
    try {
      for await (const { group, vectors, totalTokens, space, truncated } of embedGroups(texts, options, parts)) {
        progress.texts += group.texts.length
        progress.totalTokens += totalTokens
        options.onProgress?.({ ...progress })
        for (const [index, vector] of vectors.entries()) {
          const position = group.offset + index
          const text = group.texts[index] ?? '' // there is one vector for every text
          yield { position, text, vector, space, isTruncated: truncated.includes(position) }
        }
      }
    } finally {
      scope.end()
    }
  }

  /**
   * Embed texts, pictures and videos in one space, in one request: how many it may have is the model's.
   *
   * @throws {QuiverError} what the server answered; its message names the input at fault.
   * @throws the signal's reason, when that fires.
   */
  async embedMultimodal(
    inputs: MultimodalInput | readonly MultimodalInput[],
    options: MultimodalOptions = {},
  ): Promise<MultimodalAnswer> {
    const list = isList(inputs) ? inputs : [inputs]
    return decodeMultimodal(await this.#call(encodeMultimodal(list, options), options))
  }

  /**
   * Tokens of a text, exactly those that are counted, without prompts and special tokens.
   *
   * @throws {QuiverError}
   */
  async tokens(text: string, options: CallOptions & { model?: string } = {}): Promise<Token[]> {
    const body = { model: options.model ?? DEFAULT_MODEL, input: { prompt: text } }
    const { json } = await this.#call({ path: '/api/v1/tokenizer', body }, options)
    const { output } = json as { output: { token_ids: number[]; tokens: string[] } } // docs/api/tokenizer.md
    return output.token_ids.map((id, index) => ({ id, text: output.tokens[index] ?? '' }))
  }

  /** Every model that the server offers, newest first. @throws {QuiverError} */
  async models(options: CallOptions = {}): Promise<Model[]> {
    return toModels((await this.#call({ path: '/v1/models' }, options)).json)
  }

  /** One model with its limits. @throws {QuiverError} `model_not_found` */
  async model(id: string, options: CallOptions = {}): Promise<Model> {
    return toModel((await this.#call({ path: `/v1/models/${encodeURIComponent(id)}` }, options)).json)
  }

  async #call(request: HttpRequest, options: CallOptions): Promise<HttpAnswer> {
    const scope = openScope(options)
    try {
      return await this.#transport.send(request, scope)
    } finally {
      scope.end()
    }
  }
}

/** `Array.isArray` does not tell a list that is read only from what is no list. */
const isList = <Element>(value: Element | readonly Element[]): value is readonly Element[] => Array.isArray(value)
