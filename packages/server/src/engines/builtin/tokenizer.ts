import { z } from 'zod'
import type { LocatedToken, TokenizedText } from '../engine.js'
import { type AlignedText, align } from '../tokenizers/align.js'
import { slicesOf } from '../tokenizers/slices.js'
import { toForm } from '../tokenizers/unicode-form.js'
import { Unigram, unigramTables } from '../tokenizers/unigram.js'

/** The parts of a Hugging Face `tokenizer.json` that this tokenizer implements; any other is refused. */
const TokenizerFile = z.object({
  normalizer: z.object({
    type: z.literal('Sequence'),
    normalizers: z.tuple([
      z.object({ type: z.literal('NFKC') }),
      z.object({ type: z.literal('Replace'), pattern: z.object({ Regex: z.string() }), content: z.literal('') }),
      z.object({ type: z.literal('Replace'), pattern: z.object({ Regex: z.string() }), content: z.literal(' ') }),
      z.object({ type: z.literal('Strip'), strip_left: z.literal(true), strip_right: z.literal(true) }),
    ]),
  }),
  pre_tokenizer: z.object({
    type: z.literal('Metaspace'),
    replacement: z.literal('▁'),
    prepend_scheme: z.literal('always'),
    split: z.literal(true),
  }),
  model: z.object({
    type: z.literal('Unigram'),
    unk_id: z.int().nonnegative(),
    byte_fallback: z.literal(false).optional(),
    vocab: z.custom<[string, number][]>(isVocabulary, 'not a list of [piece, score]'),
  }),
})

/** Words longer than this are not worth remembering. */
const MAX_CACHED_WORD = 24
/** Entries of the word cache, about 20 MB; when it is full it starts anew. */
const MAX_CACHED_WORDS = 100_000
const WORD_START = '▁'

/**
 * Text → token ids, equal to those of the reference implementation on the same `tokenizer.json`.
 *
 * Lone surrogates as U+FFFD, NFKC, removal of controls and marks of direction, runs of spaces to one; then Unigram on
 * each word, a word starting with `▁`. Pieces never span words, so words are independent and frequent ones are remembered.
 */
export class Tokenizer {
  /** Ids run from 0 to this, exclusive. */
  readonly vocabulary: number
  /** Ids that text never yields, with their names. */
  readonly special: ReadonlyMap<number, string>
  readonly #unigram: Unigram
  readonly #removed: RegExp
  readonly #spaces: RegExp
  readonly #pieces: readonly string[]
  readonly #words = new Map<string, readonly number[]>()

  /** @throws {z.ZodError} for a file that asks for anything this tokenizer does not do. */
  constructor(file: unknown, reserved: ReadonlySet<number>) {
    const { normalizer, model } = TokenizerFile.parse(file)
    const [, removed, spaces] = normalizer.normalizers
    this.#removed = toRegExp(removed.pattern.Regex)
    this.#spaces = toRegExp(spaces.pattern.Regex)
    this.#pieces = model.vocab.map(([piece]) => piece)
    this.vocabulary = this.#pieces.length
    this.special = new Map([...reserved].map((id) => [id, this.#pieces[id] ?? '']))
    this.#unigram = new Unigram(unigramTables(model.vocab, reserved), model.unk_id)
  }

  /**
   * At most `maxTokens` ids; stops as soon as the text is known to have more, so that a hostile text costs little more
   * than a text at the limit. A word without end counts as too long: unknown characters fuse to one token.
   */
  tokenize(text: string, maxTokens: number): TokenizedText {
    const ids: number[] = []
    const longestWord = (maxTokens + 1) * this.#unigram.longestPiece
    let word = '' // the beginning of a word; its end may be in the next slice
    for (const slice of slicesOf(text.toWellFormed())) {
      const normalized = this.#normalize(slice)
      let start = 0
      for (let space = normalized.indexOf(' '); space !== -1; space = normalized.indexOf(' ', start)) {
        this.#pushWord(word + normalized.slice(start, space), ids)
        if (ids.length > maxTokens) break
        word = ''
        start = space + 1
      }
      word += normalized.slice(start)
      if (ids.length > maxTokens || word.length > longestWord) break
    }
    if (ids.length <= maxTokens) this.#pushWord(word.slice(0, longestWord), ids)
    return {
      ids: Int32Array.from(ids.slice(0, maxTokens)),
      isOverLimit: ids.length > maxTokens || word.length > longestWord,
    }
  }

  /**
   * The tokens of {@link tokenize}, each with the stretch of `text` it was made of.
   *
   * As in the reference, the space before a word belongs to the word's first token, and the mark of the first word's
   * start stands on its first character.
   */
  locate(text: string, maxTokens: number): { tokens: LocatedToken[]; isOverLimit: boolean } {
    const aligned = align(text, { nfkc, removed: this.#removed, spaces: this.#spaces })
    const tokens: LocatedToken[] = []
    for (let start = 0; start < aligned.text.length && tokens.length <= maxTokens; ) {
      const space = aligned.text.indexOf(' ', start)
      const end = space === -1 ? aligned.text.length : space
      for (const token of this.#locateWord(aligned, start, end)) tokens.push(token)
      start = end + 1
    }
    return { tokens: tokens.slice(0, maxTokens), isOverLimit: tokens.length > maxTokens }
  }

  /** Ids → text, as the reference's Metaspace decoder: no space before the first token. @throws {RangeError} */
  decode(ids: readonly number[]): string {
    const [first = '', ...others] = ids.map((id) => this.tokenText(id))
    return first.replaceAll(' ', '') + others.join('')
  }

  /** What the network sees of a text; spaces at its ends make no words. */
  #normalize(slice: string): string {
    return nfkc(slice).replace(this.#removed, '').replace(this.#spaces, ' ')
  }

  /** Ids of one normalised word: what {@link tokenize} yields for it between spaces. */
  tokenizeWord(word: string): readonly number[] {
    return word === '' ? [] : this.#encodeWord(WORD_START + word)
  }

  #pushWord(word: string, ids: number[]): void {
    for (const id of this.tokenizeWord(word)) ids.push(id)
  }

  /** A token for people to read: `▁`, which marks the beginning of a word, as a space. @throws {RangeError} */
  tokenText(id: number): string {
    const piece = this.#pieces[id]
    if (piece === undefined) throw new RangeError(`there is no token ${id}`)
    return piece.replaceAll(WORD_START, ' ')
  }

  /** @param start,end units of the aligned text that are the word; the mark of its start goes before them. */
  #locateWord({ text, starts, ends }: AlignedText, start: number, end: number): LocatedToken[] {
    const pieces = this.#unigram.segment(WORD_START + text.slice(start, end))
    // Unit 0 of the word is the mark; it stands on the space before it, or on the first character of the text.
    const unitOf = (position: number) => (position === 0 && start === 0 ? 0 : start + position - 1)
    return pieces.map((piece) => ({
      id: piece.id,
      start: starts[unitOf(piece.start)] as number, // pieces lie within the word, and the word within the text
      end: ends[unitOf(piece.end - 1)] as number,
    }))
  }

  #encodeWord(word: string): readonly number[] {
    const known = this.#words.get(word)
    if (known !== undefined) return known
    const ids = this.#unigram.encode(word)
    if (word.length <= MAX_CACHED_WORD) {
      if (this.#words.size >= MAX_CACHED_WORDS) this.#words.clear()
      this.#words.set(word, ids)
    }
    return ids
  }
}

/** Linear in the text's length, whatever marks it has. */
function nfkc(text: string): string {
  return toForm(text, 'NFKC')
}

/** One plain loop: a schema for each of 125,000 entries would take longer than the rest of the start. */
function isVocabulary(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((entry) => Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number')
  )
}

/** The file's patterns are in Rust's notation; the two differ only in how a code point is written. */
function toRegExp(pattern: string): RegExp {
  return new RegExp(pattern.replaceAll('\\x{', '\\u{'), 'gu')
}
