import { GgufError, type GgufMetadata, readGguf } from '../../pull/gguf.js'

export const POOLINGS = ['mean', 'cls', 'last'] as const
export type Pooling = (typeof POOLINGS)[number]

/** What a GGUF file says of its model, and what follows from that. */
export interface Description {
  architecture: string
  /** Components of a vector. */
  dimension: number
  /** Longest sequence that the model was trained for, special tokens included. */
  contextTokens: number
  pooling: Pooling
  /** llama.cpp's number of the pooling, for its override. */
  poolingType: number
  /** Whether a pass may be computed in parts: the state of the parts before is all that a token needs. */
  isDivisible: boolean
  vocabulary: readonly string[]
  /** Control tokens by id: no text yields them. */
  special: ReadonlyMap<number, string>
  /** What stands around every text. */
  frame: { before: readonly number[]; after: readonly number[] }
  /** llama.cpp's name of the kind of tokenizer: `gpt2` is byte-level BPE, `bert` WordPiece. */
  tokenizer: string
  /** Whether texts are brought into Unicode's form C first, as the model's own tokenizer does and llama.cpp does not. */
  isNfc: boolean
  /** Number format of most weights: `Q8_0`. */
  arithmetic: string
}

/** llama.cpp's `enum llama_pooling_type`. 0 is none, 4 is a reranker's. */
const POOLING_TYPES: Readonly<Record<Pooling, number>> = { mean: 1, cls: 2, last: 3 }
/** Decoders whose attention looks back only, whatever the file says. */
const CAUSAL = new Set(['qwen3', 'qwen2', 'llama'])
/**
 * Qwen's embedding models were trained with this token at the end of each text. Files disagree: some name it as their
 * end token without asking for it, some ask for none, and some name the chat models' `<|im_end|>`, whose vector is wrong.
 *
 * @see https://github.com/ggml-org/llama.cpp/issues/14234, https://github.com/ggml-org/llama.cpp/pull/14314
 */
const QWEN_END = '<|endoftext|>'
const QWEN = new Set(['qwen3', 'qwen2'])
/** `enum llama_ftype`, the usual ones. */
const FILE_TYPES: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  7: 'Q8_0',
  8: 'Q5_0',
  9: 'Q5_1',
  10: 'Q2_K',
  11: 'Q3_K_S',
  12: 'Q3_K_M',
  13: 'Q3_K_L',
  14: 'Q4_K_S',
  15: 'Q4_K_M',
  16: 'Q5_K_S',
  17: 'Q5_K_M',
  18: 'Q6_K',
  32: 'BF16',
}
const [NORMAL_TOKEN_TYPES, CONTROL] = [[1, 2, 4, 5, 6], 3]
const LISTS = new Set(['tokenizer.ggml.tokens', 'tokenizer.ggml.token_type'])

/**
 * Read what is needed to compute with a GGUF file.
 *
 * @param path of the file, the first of them where there are parts.
 * @param stated pooling that whoever published the model vouches for; the only thing that goes before the file's own.
 * @throws {GgufError} naming the key that is missing, or whose value is none that an embedding model can have.
 */
export async function describe(path: string, stated?: Pooling): Promise<Description> {
  const metadata = await readGguf(path, { arrays: LISTS })
  const architecture = text(metadata, 'general.architecture')
  const tokenizer = text(metadata, 'tokenizer.ggml.model')
  const vocabulary = list(metadata, 'tokenizer.ggml.tokens', 'string')
  const pooling = poolingOf(metadata, architecture, stated)
  const isCausal = CAUSAL.has(architecture) && metadata.get(`${architecture}.attention.causal`) !== false
  const fileType = Number(metadata.get('general.file_type') ?? -1)
  return {
    architecture,
    dimension: count(metadata, `${architecture}.embedding_length`),
    contextTokens: count(metadata, `${architecture}.context_length`),
    pooling,
    poolingType: POOLING_TYPES[pooling],
    isDivisible: isCausal && pooling === 'last',
    vocabulary,
    special: specialOf(metadata, vocabulary),
    frame: frameOf(metadata, { architecture, tokenizer, vocabulary }),
    tokenizer,
    isNfc: metadata.get('tokenizer.ggml.pre') === 'qwen2',
    arithmetic: FILE_TYPES[fileType] ?? 'mixed',
  }
}

/** Components of the vectors of a file; reads no further than to where it says so. @throws {GgufError} */
export async function dimensionOf(path: string): Promise<number> {
  const key = (metadata: GgufMetadata) => `${metadata.get('general.architecture')}.embedding_length`
  const metadata = await readGguf(path, { isEnough: (found) => found.has(key(found)) })
  return count(metadata, `${text(metadata, 'general.architecture')}.embedding_length`)
}

function poolingOf(metadata: GgufMetadata, architecture: string, stated: Pooling | undefined): Pooling {
  if (stated !== undefined) return stated
  const key = `${architecture}.pooling_type`
  const value = metadata.get(key)
  const found = POOLINGS.find((pooling) => POOLING_TYPES[pooling] === value)
  if (found !== undefined) return found
  const came = value === undefined ? 'the file has no such key' : `the file says ${String(value)}`
  throw new GgufError(
    `${key} must be 1 (mean), 2 (cls) or 3 (last): ${came}. Without it nobody knows how its tokens become one vector; take a file of a newer conversion.`,
  )
}

interface Vocabulary {
  architecture: string
  tokenizer: string
  vocabulary: readonly string[]
}

/** Special tokens before and after each text, as the model's own tokenizer puts them. */
function frameOf(metadata: GgufMetadata, { architecture, tokenizer, vocabulary }: Vocabulary): Description['frame'] {
  const id = (name: string) => tokenId(metadata, `tokenizer.ggml.${name}_token_id`, vocabulary.length)
  if (tokenizer === 'bert') return { before: [id(hasKey('cls') ? 'cls' : 'bos')], after: [id('seperator')] } // GGUF's spelling
  if (QWEN.has(architecture)) {
    const end = vocabulary.indexOf(QWEN_END)
    if (end === -1)
      throw new GgufError(`tokenizer.ggml.tokens has no ${QWEN_END}, which ends each text of ${architecture}.`)
    return { before: [], after: [end] }
  }
  const isAdded = (name: string) => {
    const key = `tokenizer.ggml.add_${name}_token`
    const value = metadata.get(key)
    if (typeof value !== 'boolean') throw new GgufError(`${key} must be true or false: ${cameOf(value)}.`)
    return value
  }
  return { before: isAdded('bos') ? [id('bos')] : [], after: isAdded('eos') ? [id('eos')] : [] }

  function hasKey(name: string): boolean {
    return metadata.has(`tokenizer.ggml.${name}_token_id`)
  }
}

function specialOf(metadata: GgufMetadata, vocabulary: readonly string[]): Map<number, string> {
  const types = metadata.get('tokenizer.ggml.token_type')
  if (!Array.isArray(types) || types.length !== vocabulary.length) {
    throw new GgufError('tokenizer.ggml.token_type must have a type for each of tokenizer.ggml.tokens.')
  }
  const strange = types.findIndex((type) => type !== CONTROL && !NORMAL_TOKEN_TYPES.includes(Number(type)))
  if (strange !== -1)
    throw new GgufError(`tokenizer.ggml.token_type[${strange}] is ${String(types[strange])}; 1 to 6 are known.`)
  return new Map(vocabulary.flatMap((token, id) => (types[id] === CONTROL ? [[id, token] as const] : [])))
}

function text(metadata: GgufMetadata, key: string): string {
  const value = metadata.get(key)
  if (typeof value !== 'string') throw new GgufError(`${key} must be a text: ${cameOf(value)}.`)
  return value
}

function count(metadata: GgufMetadata, key: string): number {
  const value = Number(metadata.get(key))
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new GgufError(`${key} must be a whole number above 0: ${cameOf(metadata.get(key))}.`)
}

function tokenId(metadata: GgufMetadata, key: string, vocabulary: number): number {
  const value = metadata.get(key)
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < vocabulary) return value
  throw new GgufError(`${key} must be an id below ${vocabulary}: ${cameOf(value)}.`)
}

function list(metadata: GgufMetadata, key: string, type: 'string'): string[] {
  const value = metadata.get(key)
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === type)) return value
  throw new GgufError(`${key} must be a list of texts.`)
}

function cameOf(value: unknown): string {
  if (value === undefined) return 'the file has no such key'
  return `the file says ${Array.isArray(value) ? 'a list' : String(value)}`
}
