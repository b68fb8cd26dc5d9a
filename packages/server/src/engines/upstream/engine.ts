import { createHash } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { ApiError } from '@quiver/protocol'
import type { Logger } from '../../telemetry/log.js'
import type { ServerLoad } from '../../telemetry/metrics.js'
import type { Batching, Engine, EngineCheck, Pass, PreparedText, PrepareOptions, RawEmbedding } from '../engine.js'
import type { UpstreamEntry } from '../engine-entry.js'
import { Connection } from './connection.js'
import { startLocalCounter } from './local-counter.js'
import { describeFault, ReplicaPool } from './pool.js'
import { checkAgainst, checkRanking, findProfile, type Profile } from './profile.js'
import type { Answer, EmbedCall } from './protocol.js'
import { createRemoteCounter } from './remote-counter.js'
import { Replica } from './replica.js'
import { cut, estimateTokens, split, type TokenCounter } from './token-counter.js'
import { modelNotReady, toApiError, UpstreamError } from './upstream-error.js'
import {
  asOwn,
  inChunks,
  inGroups,
  isSurelyWithin,
  promptOf,
  spreadTokens,
  UpstreamPass,
  type Use,
} from './upstream-pass.js'

/** A server that does not answer at start is not waited for longer; it is tried again while the others serve. */
const START_WAIT_MS = 5_000
/** An answer of numbers: 24 bytes a component with its comma, and some for the frame. */
const BYTES_PER_COMPONENT = 24
const FRAME_BYTES = 65_536
/** What one failed request loses; a longer text is alone in its request. */
const MAX_REQUEST_TOKENS = 65_536

export interface UpstreamOptions {
  id: string
  entry: UpstreamEntry
  log: Logger
}

/**
 * An engine of other servers. Returns when all of them have answered once or failed to, after five seconds at most: a
 * server that is down makes this one model not ready, and nothing else.
 *
 * @throws {Error} for a tokenizer that cannot be loaded.
 */
export async function startUpstreamEngine({ id, entry, log }: UpstreamOptions): Promise<Engine> {
  const counter = entry.tokenizer === undefined ? undefined : await startLocalCounter(entry.tokenizer)
  const engine = new UpstreamEngine({ id, entry, log: log.child({ engine: id }) }, counter)
  await engine.start()
  return engine
}

/** How a group is asked for. */
interface RequestWay {
  profile: Profile
  signal: AbortSignal
}

/** What one request brought, and for which passes. */
interface GroupAnswer extends Answer {
  asked: readonly UpstreamPass[]
}

class UpstreamEngine implements Engine {
  readonly id: string
  readonly dimension: number
  readonly window: number
  readonly #entry: UpstreamEntry
  readonly #pool: ReplicaPool
  readonly #localCounter: TokenCounter | undefined
  readonly #log: Logger
  #remoteCounter: TokenCounter | undefined
  #profile: Profile | undefined
  #identity: { profile: Profile | undefined; hash: string } | undefined

  constructor({ id, entry, log }: UpstreamOptions, localCounter: TokenCounter | undefined) {
    this.id = id
    this.#entry = entry
    this.dimension = entry.dimension
    this.window = entry.window
    this.#localCounter = localCounter
    this.#log = log
    const { maxConcurrency, timeoutMs, urls } = entry
    const replicas = urls.map((url) => new Replica(url, connectionTo(url, entry)))
    this.#pool = new ReplicaPool(replicas, {
      maxConcurrency,
      timeoutMs,
      log,
      examine: async (replica, signal) => void (await this.#examine(replica, signal)),
      checkHealth: (replica, signal) => this.#checkHealth(replica, signal),
    })
  }

  /** Model name, revision and prompts: all that the operator and the servers tell of what makes a vector what it is. */
  get identity(): string {
    // Every text asks for it; it is another one only once the servers have told their revision.
    if (this.#identity?.profile !== this.#profile || this.#identity === undefined) {
      const { model, revision, prompts, dimension } = this.#entry
      const parts = ['upstream', model, revision ?? this.#profile?.revision ?? '', prompts ?? '', dimension]
      const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
      this.#identity = { profile: this.#profile, hash }
    }
    return this.#identity.hash
  }

  /** One call is one request, whose padding is the server's affair. */
  get batching(): Batching {
    const { maxConcurrency, urls } = this.#entry
    return {
      maxPaddedTokens: MAX_REQUEST_TOKENS,
      isPadded: false,
      maxPasses: this.#textsOfRequest,
      concurrency: maxConcurrency * urls.length,
    }
  }

  /** Where nothing but `usage` tells tokens, a text is alone in its request, unless the operator wants it otherwise. */
  get #textsOfRequest(): number {
    const { maxTexts } = this.#entry
    const isAlone = this.#counter === undefined && maxTexts === undefined
    if (isAlone) return 1
    const learned = this.#pool.replicas.map((replica) => replica.maxTexts ?? Number.POSITIVE_INFINITY)
    return Math.min(this.#profile?.maxTexts ?? maxTexts ?? 1, ...learned)
  }

  get isUp(): boolean {
    return this.#profile !== undefined && this.#pool.isUp
  }

  get servers(): readonly ServerLoad[] {
    return this.#pool.replicas.map((replica) => replica.load)
  }

  async start(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, START_WAIT_MS)
    })
    await Promise.race([this.#pool.start(), enough])
    clearTimeout(timer)
  }

  async prepare(text: string, { textType, instruct, maxTokens, keep, signal }: PrepareOptions): Promise<PreparedText> {
    signal.throwIfAborted()
    const { protocol } = this.#ready()
    const use: Use = protocol.hasOwnPrompts ? { textType, instruct } : { textType: 'document' }
    const prompt = promptOf(this.#entry, { textType, instruct })
    const pass = (piece: string, textTokens: number, isEstimate = false) =>
      new UpstreamPass(piece, prompt, use, { textTokens, isEstimate })
    // What servers make of a text of spaces differs; here it has no tokens, as with the built-in model.
    if (text.trim() === '') return { tokens: 0, isOverLimit: false, passes: [] }
    const counter = this.#counter
    if (counter === undefined || (!counter.isLocal && isSurelyWithin(text, Math.min(maxTokens, this.window)))) {
      const tokens = estimateTokens(text)
      return { tokens, isEstimate: true, isOverLimit: false, passes: [pass(text, tokens, true)] }
    }
    return this.#translated(async () => {
      const count = async (piece: string) => (piece === '' ? 0 : ((await counter.count([piece], signal))[0] ?? 0))
      const whole = { text, tokens: await count(text) }
      const isOverLimit = whole.tokens > maxTokens
      const kept = isOverLimit ? await cut(whole, { maxTokens, keep }, count) : whole
      const windows = kept.tokens > this.window ? await split(kept, this.window, count) : [kept]
      return { tokens: kept.tokens, isOverLimit, passes: windows.map(({ text, tokens }) => pass(text, tokens)) }
    })
  }

  async embed(passes: readonly Pass[], { signal }: { signal: AbortSignal }): Promise<RawEmbedding[]> {
    const profile = this.#ready()
    const own = passes.map(asOwn)
    if (own.length === 1) return this.#translated(() => this.#embedGroup(own, { profile, signal }))
    const embeddings: RawEmbedding[] = []
    const requests = inGroups(own.entries(), this.#textsOfRequest)
    const others = new AbortController()
    setMaxListeners(0, others.signal) // one for each request of the group
    const stop = () => others.abort(signal.reason)
    signal.throwIfAborted()
    signal.addEventListener('abort', stop, { once: true })
    try {
      await this.#translated(() =>
        Promise.all(
          requests.map(async (group) => {
            const raw = await this.#embedGroup(
              group.map(([, pass]) => pass),
              { profile, signal: others.signal },
            )
            for (const [i, [place]] of group.entries()) embeddings[place] = raw[i] as RawEmbedding // one for one
          }),
        ),
      )
    } catch (error) {
      others.abort(error) // the group is lost: what still runs of it is not wanted
      throw asGroups(error)
    } finally {
      signal.removeEventListener('abort', stop)
    }
    return embeddings
  }

  /** Every server once more, as at its start: whether it works, and whether it still has the same model. */
  async verify({ signal }: { signal: AbortSignal }): Promise<readonly EngineCheck[]> {
    setMaxListeners(0, signal) // one for each server
    return Promise.all(
      this.#pool.replicas.map(async (replica, i) => {
        const name = `server ${i + 1} of ${this.#pool.replicas.length}`
        try {
          const similarity = await this.#examine(replica, signal)
          const answers = `it answers; its vector of the probe text has cosine ${similarity.toFixed(6)} with the first one`
          const { maxTexts } = replica
          const limit = maxTexts === undefined ? '' : `; its refusals say that it takes ${maxTexts} texts a request`
          return { name, isGood: true, detail: answers + limit }
        } catch (error) {
          signal.throwIfAborted()
          return { name, isGood: false, detail: describeFault(error) }
        }
      }),
    )
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#localCounter?.close()])
  }

  get #counter(): TokenCounter | undefined {
    return this.#localCounter ?? this.#remoteCounter
  }

  /** @throws {ApiError} `not_ready` while no server works. */
  #ready(): Profile {
    if (this.#profile !== undefined && this.#pool.isUp) return this.#profile
    throw modelNotReady({ retryAfterMs: 1_000 })
  }

  /** One request to one server, and the counts of its texts where only an estimate is known. */
  async #embedGroup(
    group: readonly UpstreamPass[],
    { profile, signal }: { profile: Profile; signal: AbortSignal },
  ): Promise<RawEmbedding[]> {
    const counter = this.#counter
    const isCounted = group.every(({ isEstimate }) => !isEstimate)
    // Asked at the same time, so that counting costs no time of the caller's.
    const counting =
      isCounted || counter === undefined
        ? undefined
        : counter.count(
            group.map(({ text }) => text),
            signal,
          )
    const [answers, counts] = await Promise.all([this.#request(group, { profile, signal }), counting])
    const found = isCounted
      ? undefined
      : (counts ?? answers.flatMap(({ asked, tokens }) => spreadTokens(tokens, asked)))
    return answers
      .flatMap(({ vectors }) => vectors)
      .map((dense, i) => ({ dense, ...(found && { tokens: found[i] as number }) })) // one for one
  }

  /**
   * Ask for a group; where a server takes fewer texts at a time, in as many requests as that needs, and all later groups
   * are no larger. Its words tell how many it takes, or halves of the group do: those it answers, when the whole was
   * refused. A group of as many texts as were answered before is refused for what is in it.
   */
  async #request(group: readonly UpstreamPass[], way: RequestWay): Promise<GroupAnswer[]> {
    let asked: Replica | undefined
    try {
      return [{ asked: group, ...(await this.#send(group, { ...way, onChosen: (replica) => (asked = replica) })) }]
    } catch (error) {
      if (!(error instanceof UpstreamError) || asked === undefined || !mayBeTooMany(error, group, asked)) throw error
      if (error.maxTexts !== undefined) this.#learnMaxTexts(asked, error.maxTexts)
      const { maxTexts = group.length } = asked
      const size = maxTexts < group.length ? maxTexts : Math.ceil(group.length / 2)
      const answers = await Promise.all(inChunks(group, size).map((part) => this.#request(part, way)))
      this.#learnMaxTexts(asked, size)
      return answers.flat()
    }
  }

  #learnMaxTexts(replica: Replica, maxTexts: number): void {
    if (!replica.learnMaxTexts(maxTexts)) return
    this.#log.warn({ upstream: replica.url, maxTexts }, 'an upstream server takes fewer texts a request; set maxTexts')
  }

  async #send(
    group: readonly UpstreamPass[],
    { profile, signal, onChosen }: RequestWay & { onChosen: (replica: Replica) => void },
  ): Promise<Answer> {
    const { protocol, encoding, asksDimension } = profile
    const { model, dimension, timeoutMs } = this.#entry
    const [first] = group
    const call: EmbedCall = {
      model,
      texts: group.map(({ prompt, text }) => prompt + text),
      textType: first?.use.textType ?? 'document',
      ...(first?.use.instruct !== undefined && { instruct: first.use.instruct }),
      encoding,
      ...(asksDimension && { dimension }),
    }
    const weight = group.reduce((sum, { tokens }) => sum + tokens, 0)
    return this.#pool.run(
      weight,
      async (replica) => {
        onChosen(replica)
        const { connection } = replica
        const { textFault } = protocol
        const wire = protocol.encode(call)
        const answer = protocol.decode(
          await connection.call({ method: 'POST', ...wire, signal, timeoutMs, textFault }),
          group.length,
        )
        if (answer.vectors.some((vector) => vector.length !== dimension)) {
          throw new UpstreamError('invalid_answer', { status: 200 })
        }
        replica.took(group.length)
        return answer
      },
      signal,
    )
  }

  /** The first server that answers says how all are asked. @returns cosine of its probe vector with that server's. */
  async #examine({ connection }: Replica, signal: AbortSignal): Promise<number> {
    const exam = { entry: this.#entry, connection, signal, timeoutMs: this.#entry.timeoutMs }
    if (this.#profile === undefined) {
      const found = await findProfile(exam)
      if (this.#entry.isRankingChecked) await checkRanking(found, exam)
      if (this.#profile === undefined) {
        this.#profile = found
        const { tokenRoute: route } = found
        if (route !== undefined)
          this.#remoteCounter = createRemoteCounter(route, { pool: this.#pool, entry: this.#entry })
        return 1
      }
    }
    return checkAgainst(this.#profile, exam)
  }

  async #checkHealth({ connection }: Replica, signal: AbortSignal): Promise<void> {
    const health = this.#profile?.protocol.health
    if (health === undefined) return
    try {
      await connection.call({ method: 'GET', ...health, signal, timeoutMs: this.#entry.timeoutMs })
    } catch (error) {
      // Many OpenAI-compatible servers have no list of models, or guard it; they live all the same.
      if (error instanceof UpstreamError && error.status !== undefined && error.status < 500) return
      throw error
    }
  }

  async #translated<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work()
    } catch (error) {
      throw error instanceof UpstreamError ? toApiError(error, this) : error
    }
  }
}

/** Where the operator sets none: as the most of the protocols. */
const DEFAULT_MAX_TEXTS = 32

function connectionTo(url: string, entry: UpstreamEntry): Connection {
  return new Connection(url, {
    headers: entry.apiKey === undefined ? {} : { authorization: `Bearer ${entry.apiKey}` },
    connections: entry.maxConcurrency,
    maxAnswerBytes: (entry.maxTexts ?? DEFAULT_MAX_TEXTS) * entry.dimension * BYTES_PER_COMPONENT + FRAME_BYTES,
  })
}

/** Whether a refusal may be for the number of texts, and not for any of them. */
function mayBeTooMany({ kind }: UpstreamError, group: readonly UpstreamPass[], replica: Replica): boolean {
  if (group.length === 1) return false
  return kind === 'too_many_texts' || (kind === 'refused' && !replica.hasTaken(group.length))
}

/** The fault of one text is no answer to the others: all are to be tried alone. */
function asGroups(error: unknown): unknown {
  if (!(error instanceof ApiError) || error.row !== 'invalid_parameter') return error
  return new ApiError('engine_failed', 'The serving model refused one of several texts.', { cause: error.cause })
}
