import type { TextType } from '@quiver/protocol'
import { cosine } from '../../vector/vector.js'
import type { UpstreamEntry } from '../engine-entry.js'
import { QUESTIONS, rankWorst } from '../ranking-canary.js'
import type { Connection } from './connection.js'
import { dashscope } from './dashscope.js'
import { ollama } from './ollama.js'
import { openai } from './openai.js'
import { Mismatch } from './pool.js'
import {
  type Answer,
  type EmbedCall,
  fieldOf,
  type Protocol,
  type ProtocolName,
  type ServerInfo,
  type TokenRoute,
  type VectorEncoding,
} from './protocol.js'
import { tei } from './tei.js'
import { UpstreamError } from './upstream-error.js'
import { promptOf } from './upstream-pass.js'

const PROTOCOLS: Readonly<Record<ProtocolName, Protocol>> = { openai, tei, ollama, dashscope }

/** Short, and of both scripts, so that a server of another model is unlikely to give the same vector. */
const PROBE_TEXT = 'Quiver 检验 probe: the quick brown fox jumps over the lazy dog.'
/**
 * Two servers of one model may compute in float16, bfloat16 or int8: measured cosines are above 0.985. Other weights of
 * the same shape give anything, mostly below 0.5.
 */
const SAME_MODEL_COSINE = 0.98

/** How the servers of one engine are asked; found out at the first that answers, and held against all others. */
export interface Profile {
  protocol: Protocol
  encoding: VectorEncoding
  /** Whether the number of components has to be asked for. */
  asksDimension: boolean
  /** Texts of one request. */
  maxTexts: number
  /** Where tokens are counted; absent where the servers have no such route. */
  tokenRoute?: TokenRoute
  /** Hash or commit of the weights, where the server says it. */
  revision?: string
  /** The vector of the probe text. */
  reference: Float32Array
}

export interface Examination {
  entry: Pick<UpstreamEntry, 'protocol' | 'model'>
  connection: Connection
  signal: AbortSignal
  timeoutMs: number
}

export interface EngineExamination extends Examination {
  entry: UpstreamEntry
}

/** Ask one server how it is to be asked. @throws {UpstreamError | Mismatch} */
export async function findProfile(exam: EngineExamination): Promise<Profile> {
  const protocol = await findProtocol(exam)
  if (protocol.hasOwnPrompts && exam.entry.prompts !== undefined) {
    throw new Mismatch('it puts its own prompts before the texts, and `prompts` gives others')
  }
  const info = await readInfo(protocol, exam)
  checkInfo(info, exam.entry)
  const { answer, encoding, asksDimension } = await negotiate(protocol, exam)
  const tokenRoute = exam.entry.tokenizer === undefined ? await findTokenRoute(protocol, exam) : undefined
  if (exam.entry.tokenizer === undefined && tokenRoute === undefined && answer.tokens === undefined) {
    throw new Mismatch('it tells no numbers of tokens; name a folder with tokenizer.json as `tokenizer`')
  }
  return {
    protocol,
    encoding,
    asksDimension,
    maxTexts: Math.min(exam.entry.maxTexts ?? protocol.maxTexts, info.maxTexts ?? Number.POSITIVE_INFINITY),
    ...(tokenRoute && { tokenRoute }),
    ...(info.revision !== undefined && { revision: info.revision }),
    reference: answer.vectors[0] as Float32Array, // negotiate checked that there is one
  }
}

/**
 * Let a server rank easy cases, with the prompts that texts will have: one that pools wrongly, or misses a prompt, answers
 * with vectors that look like any others.
 *
 * @throws {Mismatch} when it puts a wrong text nearer than the right one. @throws {UpstreamError}
 */
export async function checkRanking(profile: Profile, exam: EngineExamination): Promise<void> {
  const { worst, near, far } = await rankWorst(
    QUESTIONS,
    async (text, textType) => {
      const { vectors } = await ask(profile, exam, { text: promptOf(exam.entry, { textType }) + text, textType })
      return vectors[0] as Float32Array // decode checked that there is one
    },
    { queryType: 'query' },
  )
  if (near > far) return
  throw new Mismatch(
    `it puts a wrong text (cosine ${far.toFixed(4)}) nearer to «${worst.query}» than the right one (${near.toFixed(4)}): its pooling or \`prompts\` are wrong; \`isRankingChecked: false\` serves it all the same`,
  )
}

/**
 * Hold a server against what the others are.
 *
 * @returns the cosine of its probe vector with theirs.
 * @throws {UpstreamError | Mismatch}
 */
export async function checkAgainst(profile: Profile, exam: EngineExamination): Promise<number> {
  const info = await readInfo(profile.protocol, exam)
  checkInfo(info, exam.entry)
  if (info.revision !== profile.revision) {
    throw new Mismatch('it has another revision of the model than the others, or than before; restart to accept it')
  }
  const { vectors } = await ask(profile, exam)
  const [vector] = vectors
  if (vector === undefined || vector.length !== exam.entry.dimension) throw wrongDimension(vector?.length, exam.entry)
  const similarity = cosine(vector, profile.reference)
  if (similarity >= SAME_MODEL_COSINE) return similarity
  throw new Mismatch(
    `it has another model than the others, or than before (cosine ${similarity.toFixed(4)} of the same text); restart to accept it`,
  )
}

/** @throws {Mismatch} for a server that names another model in the TEI way and has no route to choose one. */
export async function findProtocol({ entry, connection, signal, timeoutMs }: Examination): Promise<Protocol> {
  if (entry.protocol !== 'auto') return PROTOCOLS[entry.protocol]
  if (connection.basePath.endsWith('/api/v1')) return dashscope
  const get = (path: string) => answerOrNothing(connection.call({ method: 'GET', path, signal, timeoutMs }))
  const info = await get('/info')
  const served = [fieldOf(info, 'model_id'), fieldOf(info, 'served_model_name')]
  if (typeof served[0] === 'string') {
    if (served.includes(entry.model)) return tei
    const list = fieldOf(await get('/v1/models'), 'data')
    if (Array.isArray(list) && list.some((model) => fieldOf(model, 'id') === entry.model)) return openai
    throw new Mismatch('it speaks the protocol of TEI and serves another model than `model` says')
  }
  const version = fieldOf(await get('/api/version'), 'version')
  return typeof version === 'string' ? ollama : openai
}

/** A path that a server does not have is no answer; a server that is not there is an error. */
async function answerOrNothing(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof UpstreamError && NOT_HERE.has(error.kind)) return undefined
    throw error
  }
}

const NOT_HERE: ReadonlySet<string> = new Set([
  'not_found',
  'refused',
  'redirect',
  'invalid_answer',
  'unauthorized',
  'server_error',
])

async function readInfo({ info }: Protocol, { connection, signal, timeoutMs }: Examination): Promise<ServerInfo> {
  if (info === undefined) return {}
  return info.decode(await connection.call({ method: 'GET', path: info.path, signal, timeoutMs }))
}

function checkInfo({ revision, maxInputTokens }: ServerInfo, entry: UpstreamEntry): void {
  if (entry.revision !== undefined && revision !== undefined && revision !== entry.revision) {
    throw new Mismatch('it has another revision of the model than `revision` says')
  }
  if (maxInputTokens !== undefined && maxInputTokens < entry.window) {
    throw new Mismatch(`it takes ${maxInputTokens} tokens, and \`window\` says ${entry.window}`)
  }
}

/**
 * base64 before numbers; the model's own number of components before asking for one, since many servers refuse to be
 * asked and others answer with fewer unless they are.
 */
async function negotiate(
  protocol: Protocol,
  exam: EngineExamination,
): Promise<{ answer: Answer; encoding: VectorEncoding; asksDimension: boolean }> {
  let encoding: VectorEncoding = protocol.hasBase64 ? 'base64' : 'float'
  const tryWith = async (asksDimension: boolean): Promise<Answer> => {
    try {
      return await ask({ protocol, encoding, asksDimension }, exam)
    } catch (error) {
      if (encoding === 'float' || !(error instanceof UpstreamError) || !error.hasAnswered) throw error
      encoding = 'float'
      return await ask({ protocol, encoding, asksDimension }, exam)
    }
  }
  const plain = await tryWith(false)
  if (plain.vectors[0]?.length === exam.entry.dimension) return { answer: plain, encoding, asksDimension: false }
  const asked = await tryWith(true).catch((error: unknown) => {
    if (error instanceof UpstreamError && error.kind === 'refused') return plain
    throw error
  })
  if (asked.vectors[0]?.length === exam.entry.dimension) return { answer: asked, encoding, asksDimension: true }
  throw wrongDimension(plain.vectors[0]?.length, exam.entry)
}

function wrongDimension(came: number | undefined, { dimension }: UpstreamEntry): Mismatch {
  return new Mismatch(`it computes ${came ?? 0} components, and \`dimension\` says ${dimension}`)
}

async function ask(
  how: Pick<Profile, 'protocol' | 'encoding' | 'asksDimension'>,
  { connection, entry, signal, timeoutMs }: EngineExamination,
  { text = PROBE_TEXT, textType = 'document' }: { text?: string; textType?: TextType } = {},
): Promise<Answer> {
  const { protocol, encoding, asksDimension } = how
  const call: EmbedCall = {
    model: entry.model,
    texts: [text],
    textType,
    encoding,
    ...(asksDimension && { dimension: entry.dimension }),
  }
  const answer = await connection.call({ method: 'POST', ...protocol.encode(call), signal, timeoutMs })
  return protocol.decode(answer, 1)
}

/** The first route that counts. */
export async function findTokenRoute(
  { tokenRoutes }: Protocol,
  { connection, entry, signal, timeoutMs }: Examination,
): Promise<TokenRoute | undefined> {
  for (const route of tokenRoutes) {
    const wire = route.encode([PROBE_TEXT], entry.model)
    const call = connection.call({ method: 'POST', ...wire, signal, timeoutMs })
    try {
      const [tokens = 0] = route.decode(await call, 1)
      if (tokens > 0) return route
    } catch (error) {
      if (!(error instanceof UpstreamError) || !NOT_HERE.has(error.kind)) throw error
    }
  }
  return undefined
}
