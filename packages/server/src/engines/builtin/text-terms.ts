/** What the terms of a text are made from: the tokenizer of the dense side. */
export interface TermTokenizer {
  /** Ids run from 0 to this, exclusive. */
  readonly vocabulary: number
  /** Ids that stand for no text, with their names. */
  readonly special: ReadonlyMap<number, string>
  /** A token for people to read; a space at its start marks the beginning of a word. */
  tokenText(id: number): string
  /** Ids of one normalised word. */
  tokenizeWord(word: string): readonly number[]
}

/** A word of several pieces, or a pair of neighbouring characters of a script without spaces. */
export type CompoundKind = 'word' | 'pair'

/** One occurrence of a term. */
export type Term = { piece: number } | { compound: CompoundKind; text: string }

/** Letters, marks, digits and symbols; of ASCII's symbols none, which are punctuation of code. */
const WORD = /(?:[A-Za-z0-9]|(?!\p{ASCII})[\p{L}\p{M}\p{N}\p{S}])+/gu
/** Between the parts of an identifier: get|User|Name, JSON|Decoder. */
const PART_END = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u
/** Scripts whose neighbouring characters make a term: pieces cut them inconsistently, pairs do not. */
const PAIRED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+/gu
/** Scripts whose runs of letters are sentences rather than words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー\p{Script=Thai}\p{Script=Khmer}\p{Script=Lao}\p{Script=Myanmar}]/u

/**
 * The terms of a text, each as often as it is there, in the text's order: the pieces of its words, and compounds.
 *
 * Words are read back from the ids and cut again in lower case, without punctuation, identifiers in their parts, so that
 * a word has the same pieces wherever it stands. Unknown characters are gaps. Linear in the number of ids.
 */
export function* termsOf(ids: Int32Array, tokenizer: TermTokenizer): Generator<Term> {
  const text = Array.from(ids, (id) => (tokenizer.special.has(id) ? ' ' : tokenizer.tokenText(id))).join('')
  for (const [run] of text.matchAll(WORD)) {
    for (const part of run.split(PART_END)) yield* termsOfWord(part.toLowerCase(), tokenizer)
  }
}

function* termsOfWord(word: string, tokenizer: TermTokenizer): Generator<Term> {
  const pieces = tokenizer.tokenizeWord(word)
  for (const piece of pieces) yield { piece }
  for (const [run] of word.matchAll(PAIRED)) {
    let last = ''
    for (const character of run) {
      if (last !== '') yield { compound: 'pair', text: last + character }
      last = character
    }
  }
  if (pieces.length > 1 && !UNSPACED.test(word) && countLettered(pieces, tokenizer) > 1) {
    yield { compound: 'word', text: word }
  }
}

/** Pieces but for the bare mark of a word's beginning. */
function countLettered(pieces: readonly number[], tokenizer: TermTokenizer): number {
  return pieces.filter((id) => tokenizer.tokenText(id) !== ' ').length
}

/** Indices of compounds lie in [vocabulary, vocabulary + 2²⁹): within 31 bits, and within pgvector's 10⁹ dimensions. */
const COMPOUND_BITS = 29
const ENCODER = new TextEncoder()

/**
 * Index of a compound: FNV-1a of its UTF-8, folded to 29 bits, above the vocabulary's.
 *
 * Two compounds of a text and its query meet by chance once in some million comparisons.
 * @see Fowler, Noll, Vo, Eastlake & Hansen, The FNV Non-Cryptographic Hash Algorithm (RFC 9923)
 */
export function compoundIndex(text: string, vocabulary: number): number {
  let hash = 0x811c9dc5
  for (const byte of ENCODER.encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return vocabulary + ((hash >>> COMPOUND_BITS) ^ (hash & (2 ** COMPOUND_BITS - 1)))
}
