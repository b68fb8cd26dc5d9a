import { z } from 'zod'
import type { BertOptions } from './bert-word-piece.js'
import { type BpeTables, bpeTables } from './byte-level-bpe.js'
import { type TextTable, textTable } from './shared-tables.js'
import { TokenizerError } from './tokenizer.js'
import { type UnigramTables, unigramTables } from './unigram.js'

const AddedToken = z.object({
  id: z.int().nonnegative(),
  content: z.string().min(1),
  special: z.boolean(),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
})
export type AddedToken = z.output<typeof AddedToken>

/** The parts that every `tokenizer.json` has. Padding and truncation are the engine's business and not read. */
const TokenizerFile = z.object({
  added_tokens: z.array(AddedToken).default([]),
  normalizer: z.unknown().optional(),
  pre_tokenizer: z.unknown().optional(),
  post_processor: z.unknown().optional(),
  model: z.looseObject({ type: z.string().optional() }),
})
type TokenizerFile = z.output<typeof TokenizerFile>

const BertNormalizer = z.object({
  type: z.literal('BertNormalizer'),
  clean_text: z.boolean(),
  handle_chinese_chars: z.boolean(),
  strip_accents: z.boolean().nullish(),
  lowercase: z.boolean(),
})
const Vocabulary = z.custom<Record<string, number>>(isVocabulary, 'is not a table of token → id')
const WordPieceModel = z.object({
  unk_token: z.string(),
  continuing_subword_prefix: z.string().min(1),
  max_input_chars_per_word: z.int().positive(),
  vocab: Vocabulary,
})
const Metaspace = z.object({
  type: z.literal('Metaspace'),
  replacement: z.literal('▁'),
  add_prefix_space: z.boolean().optional(),
  prepend_scheme: z.enum(['always', 'first', 'never']).optional(),
  split: z.literal(true).optional(),
})
const SplitMetaspace = z.object({
  type: z.literal('Sequence'),
  pretokenizers: z.tuple([z.object({ type: z.literal('WhitespaceSplit') }), Metaspace]),
})
const UnigramModel = z.object({
  unk_id: z.int().nonnegative(),
  vocab: z.custom<[string, number][]>(isScored, 'is not a list of [piece, score]'),
  byte_fallback: z.literal(false).optional(),
})
const ByteLevel = z.object({
  type: z.literal('ByteLevel'),
  add_prefix_space: z.boolean(),
  use_regex: z.boolean().default(true),
})
const SplitByteLevel = z.object({
  type: z.literal('Sequence'),
  pretokenizers: z.tuple([
    z.object({
      type: z.literal('Split'),
      pattern: z.object({ Regex: z.string() }),
      behavior: z.literal('Isolated'),
      invert: z.literal(false).default(false),
    }),
    ByteLevel.extend({ use_regex: z.literal(false) }),
  ]),
})
const BpeModel = z.object({
  vocab: Vocabulary,
  merges: z.custom<(string | [string, string])[]>(isMerges, 'is not a list of pairs'),
  dropout: z.null().optional(),
  unk_token: z.string().nullish(),
  continuing_subword_prefix: z.literal('').nullish(),
  end_of_word_suffix: z.literal('').nullish(),
  byte_fallback: z.literal(false).optional(),
  ignore_merges: z.boolean().default(false),
})

/** What an algorithm needs, as far as it can be handed from thread to thread. */
export type CompiledModel =
  | (Omit<BertOptions, 'vocabulary'> & {
      kind: 'word-piece'
      /** Pieces by id. */
      pieces: TextTable
    })
  | {
      kind: 'unigram'
      tables: UnigramTables
      names: TextTable
      unknownId: number
      isSplitAtSpaces: boolean
      prepend: 'always' | 'first' | 'never'
    }
  | { kind: 'byte-level'; tables: BpeTables; pattern: string | undefined; isSpaceAdded: boolean }
  /** Any other, for the library. */
  | { kind: 'other'; content: unknown }

/**
 * A `tokenizer.json`, read and checked, with all that takes long done: large vocabularies take up to a second. Its tables
 * lie in shared memory, so that a thread can make it and hand it over for next to nothing (`open-tokenizer.ts`).
 */
export interface CompiledTokenizer {
  model: CompiledModel
  added: readonly AddedToken[]
  normalizer: unknown
  processor: unknown
  /** Ids run from 0 to this, exclusive. */
  vocabulary: number
}

/** @throws {TokenizerError} naming the field that asks for what is not implemented. */
export function compileTokenizer(content: unknown): CompiledTokenizer {
  const file = TokenizerFile.safeParse(content)
  if (!file.success) throw new TokenizerError(describe(file.error))
  const { added_tokens: added, normalizer, post_processor: processor } = file.data
  return {
    model: wordPiece(file.data) ?? unigram(file.data) ?? byteLevel(file.data) ?? { kind: 'other', content },
    added,
    normalizer,
    processor,
    vocabulary: Math.max(sizeOf(file.data), ...added.map(({ id }) => id + 1)),
  }
}

function wordPiece({ normalizer, pre_tokenizer, model }: TokenizerFile): CompiledModel | undefined {
  const clean = BertNormalizer.safeParse(normalizer).data
  const isBert = z.object({ type: z.literal('BertPreTokenizer') }).safeParse(pre_tokenizer).success
  if (model.type !== 'WordPiece' && model.type !== undefined) return undefined
  const parsed = WordPieceModel.safeParse(model).data
  if (clean === undefined || !isBert || parsed === undefined) return undefined
  const unknownId = parsed.vocab[parsed.unk_token]
  if (unknownId === undefined)
    throw new TokenizerError(`model.unk_token: ${parsed.unk_token} is not in the vocabulary.`)
  return {
    kind: 'word-piece',
    pieces: textTable(byId(parsed.vocab)),
    unknownId,
    continuation: parsed.continuing_subword_prefix,
    maxWordCharacters: parsed.max_input_chars_per_word,
    isCleaned: clean.clean_text,
    isLowercase: clean.lowercase,
    isWithoutAccents: clean.strip_accents ?? clean.lowercase,
    areIdeographsWords: clean.handle_chinese_chars,
  }
}

function unigram({ pre_tokenizer, model, added_tokens: added }: TokenizerFile): CompiledModel | undefined {
  if (model.type !== 'Unigram') return undefined
  const parsed = UnigramModel.safeParse(model).data
  const split = SplitMetaspace.safeParse(pre_tokenizer).data
  const metaspace = split?.pretokenizers[1] ?? Metaspace.safeParse(pre_tokenizer).data
  if (parsed === undefined || metaspace === undefined || added.some((token) => !token.special)) return undefined
  // A letter that the vocabulary lacks is an unknown token; a text never yields the others.
  const reserved = new Set([...added.map(({ id }) => id), parsed.unk_id])
  return {
    kind: 'unigram',
    tables: unigramTables(parsed.vocab, reserved),
    names: textTable(parsed.vocab.map(([piece]) => piece)),
    unknownId: parsed.unk_id,
    isSplitAtSpaces: split !== undefined,
    prepend: metaspace.prepend_scheme ?? (metaspace.add_prefix_space === false ? 'never' : 'always'),
  }
}

function byteLevel({ pre_tokenizer, model }: TokenizerFile): CompiledModel | undefined {
  if (model.type !== 'BPE') return undefined
  const parsed = BpeModel.safeParse(model).data
  const split = SplitByteLevel.safeParse(pre_tokenizer).data
  const bytes =
    split?.pretokenizers[1] ??
    ByteLevel.extend({ use_regex: z.literal(true).default(true) }).safeParse(pre_tokenizer).data
  if (parsed === undefined || bytes === undefined) return undefined
  return {
    kind: 'byte-level',
    tables: bpeTables(
      new Map(Object.entries(parsed.vocab)),
      parsed.merges.map((merge) => (typeof merge === 'string' ? pairOf(merge) : merge)),
      { areMergesIgnored: parsed.ignore_merges },
    ),
    pattern: split?.pretokenizers[0].pattern.Regex,
    isSpaceAdded: bytes.add_prefix_space,
  }
}

/** Tokens in the order of their ids; `undefined` where an id has none. */
function byId(vocabulary: Readonly<Record<string, number>>): (string | undefined)[] {
  const tokens: string[] = []
  for (const [token, id] of Object.entries(vocabulary)) tokens[id] = token
  return Array.from(tokens)
}

function sizeOf({ model }: TokenizerFile): number {
  const vocabulary = model.vocab
  if (Array.isArray(vocabulary)) return vocabulary.length
  return Object.values(Object(vocabulary)).reduce<number>((most, id) => Math.max(most, Number(id) + 1), 0)
}

function pairOf(merge: string): [string, string] {
  const space = merge.indexOf(' ')
  return [merge.slice(0, space), merge.slice(space + 1)]
}

/** Plain loops: a schema for each of 250,000 entries would take longer than the rest of the start. */
function isVocabulary(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((id) => Number.isInteger(id))
}

function isScored(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((entry) => typeof entry?.[0] === 'string' && typeof entry[1] === 'number')
  )
}

function isMerges(value: unknown): boolean {
  const isPair = (merge: unknown) =>
    typeof merge === 'string'
      ? merge.includes(' ')
      : Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === 'string')
  return Array.isArray(value) && value.every(isPair)
}

function describe(error: z.ZodError): string {
  const [issue] = error.issues
  return issue === undefined ? 'cannot be read' : `${issue.path.join('.') || 'the file'}: ${issue.message}`
}
