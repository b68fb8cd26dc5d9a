import { Worker } from 'node:worker_threads'
import { ApiError } from '@quiver/protocol'
import type { LocatedToken, TokenizedText } from '../engine.js'
import type { LongTextReply, LongTextRequest } from './serve-tokenizer.js'
import type { Tokenizer } from './tokenizer.js'

/** UTF-16 units that are tokenised on the spot: at most some 10 ms, finding places some 100. */
const SHORT_UNITS = 16_384
/** Units that may wait for the thread, 128 MiB; above, texts are refused. */
const MAX_WAITING_UNITS = 64 * 1024 * 1024
const RETRY_AFTER_SECONDS = 1

/** The tokenizer of a thread: the module that calls `serveTokenizer`, and what it is told. */
export interface TokenizerThread {
  url: URL
  workerData: unknown
}

export interface TokenizeOptions {
  /** Tokens that are kept. */
  maxTokens: number
  /** Which end of a text of more tokens is kept; for its end all of it is tokenised. Default `start`. */
  keep?: 'start' | 'end'
  signal?: AbortSignal
}

interface LongText {
  request: LongTextRequest
  signal: AbortSignal | undefined
  resolve: (value: unknown) => void
  reject: (reason: unknown) => void
}

/**
 * A tokenizer for texts of any length: short ones here and now, long ones in a thread of its own, in the order in which
 * they come, so that the event loop stays free. The thread, with a tokenizer of its own, starts with the first long text.
 */
export class OffloadedTokenizer {
  readonly #tokenizer: Pick<Tokenizer, 'tokenize' | 'locate'>
  readonly #source: TokenizerThread
  readonly #waiting: LongText[] = []
  #waitingUnits = 0
  #current: LongText | undefined
  #thread: Worker | undefined

  /** @param source makes the same tokenizer as `tokenizer`. */
  constructor(tokenizer: Pick<Tokenizer, 'tokenize' | 'locate'>, source: TokenizerThread) {
    this.#tokenizer = tokenizer
    this.#source = source
  }

  /** As {@link Tokenizer.tokenize}. @throws {ApiError} `overloaded`; the signal's reason. */
  async tokenize(text: string, { maxTokens, keep = 'start', signal }: TokenizeOptions): Promise<TokenizedText> {
    signal?.throwIfAborted()
    const limit = keep === 'start' ? maxTokens : Number.MAX_SAFE_INTEGER
    // A text of more units than the limit's tokens could have is cut where it is over, which is soon.
    const { ids, isOverLimit } =
      text.length <= SHORT_UNITS
        ? this.#tokenizer.tokenize(text, limit)
        : ((await this.#offload({ kind: 'tokenize', text, maxTokens: limit }, signal)) as TokenizedText) // what it returns there
    if (keep === 'start' || ids.length <= maxTokens) return { ids, isOverLimit }
    return { ids: ids.slice(-maxTokens), isOverLimit: true }
  }

  /** As {@link Tokenizer.locate}. @throws {ApiError} `overloaded`; the signal's reason. */
  async locate(text: string, maxTokens: number): Promise<{ tokens: LocatedToken[]; isOverLimit: boolean }> {
    if (text.length <= SHORT_UNITS) return this.#tokenizer.locate(text, maxTokens)
    const located = await this.#offload({ kind: 'locate', text, maxTokens }, undefined)
    return located as ReturnType<Tokenizer['locate']> // what it returns there
  }

  async close(): Promise<void> {
    const thread = this.#thread
    this.#thread = undefined
    const reason = new ApiError('overloaded', 'The server is shutting down.', {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
    for (const text of [...this.#waiting.splice(0), ...(this.#current ? [this.#current] : [])]) text.reject(reason)
    await thread?.terminate()
  }

  #offload(request: LongTextRequest, signal: AbortSignal | undefined): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#waitingUnits + request.text.length > MAX_WAITING_UNITS) {
      return Promise.reject(
        new ApiError('overloaded', 'Model is unavailable, please try again later: too many long texts are waiting.', {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        }),
      )
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, signal, resolve, reject })
      this.#waitingUnits += request.text.length
      this.#next()
    })
  }

  #next(): void {
    if (this.#current !== undefined) return
    const next = this.#shift()
    if (next === undefined) {
      this.#thread?.unref()
      return
    }
    this.#current = next
    this.#thread ??= this.#start()
    this.#thread.ref()
    this.#thread.postMessage(next.request)
  }

  /** The next text that is still wanted. */
  #shift(): LongText | undefined {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#waitingUnits -= next.request.text.length
      if (!next.signal?.aborted) return next
      next.reject(next.signal.reason)
    }
    return undefined
  }

  #start(): Worker {
    const { url, workerData } = this.#source
    const thread = new Worker(url, { workerData, name: 'tokenizer' })
    thread.on('message', (reply: LongTextReply) => {
      if ('value' in reply) this.#current?.resolve(reply.value)
      else this.#current?.reject(tokenizerFailed(new Error(reply.error)))
      this.#current = undefined
      this.#next()
    })
    let failure: unknown = new Error('the tokenizer’s thread ended')
    thread.on('error', (error) => {
      failure = error
    })
    thread.on('exit', () => {
      if (this.#thread !== thread) return
      this.#thread = undefined
      this.#current?.reject(tokenizerFailed(failure))
      this.#current = undefined
      this.#next()
    })
    return thread
  }
}

function tokenizerFailed(cause: unknown): ApiError {
  return new ApiError('engine_failed', 'The model’s tokenizer failed on this input.', { cause })
}
