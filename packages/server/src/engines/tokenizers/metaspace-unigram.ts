import type { LocatedToken } from '../engine.js'
import type { Normalizer } from './normalizer.js'
import { type TextTable, textAt } from './shared-tables.js'
import type { TokenModel } from './tokenizer.js'
import { Unigram, type UnigramTables } from './unigram.js'
import { WordCache } from './word-cache.js'

const WORD_START = '▁'
const SPACES = /\p{White_Space}+/u

export interface MetaspaceOptions {
  tables: UnigramTables
  /** Pieces by id. */
  names: TextTable
  unknownId: number
  normalizer: Normalizer
  /** Whether words are cut at white space before `▁` marks their starts; else every space becomes a `▁`. */
  isSplitAtSpaces: boolean
  /** Which words get a `▁` that has no space to stand for. */
  prepend: 'always' | 'first' | 'never'
}

/** sentencepiece's Unigram: words begin with `▁`, and no piece spans two words. */
export class MetaspaceUnigram implements TokenModel {
  readonly #options: MetaspaceOptions
  readonly #unigram: Unigram
  readonly #cache = new WordCache()

  constructor(options: MetaspaceOptions) {
    this.#options = options
    this.#unigram = new Unigram(options.tables, options.unknownId)
  }

  encode(stretch: string, isStart: boolean, ids: number[]): void {
    for (const { word } of this.#words(this.#options.normalizer.normalize(stretch, isStart), isStart)) {
      for (const id of this.#cache.get(word, (own) => this.#unigram.encode(own))) ids.push(id)
    }
  }

  locate(stretch: string, isStart: boolean): LocatedToken[] {
    const { text, starts, ends } = this.#options.normalizer.align(stretch, isStart)
    const tokens: LocatedToken[] = []
    for (const { word, start } of this.#words(text, isStart)) {
      // A mark without a space of its own lies at −1: it stands with the space before it, or with the first character.
      const unitOf = (position: number) => Math.max(start + position, 0)
      for (const piece of this.#unigram.segment(word)) {
        tokens.push({
          id: piece.id,
          start: starts[unitOf(piece.start)] as number, // pieces lie within the word, and the word within the text
          end: ends[unitOf(piece.end - 1)] as number,
        })
      }
    }
    return tokens
  }

  tokenText(id: number): string {
    const piece = textAt(this.#options.names, id)
    if (piece === undefined) throw new RangeError(`there is no token ${id}`)
    return piece.replaceAll(WORD_START, ' ')
  }

  decode(ids: readonly number[]): string {
    const [first = '', ...others] = ids.map((id) => this.tokenText(id))
    return first.trimStart() + others.join('')
  }

  /** Words with their marks, and the place of their first unit in `text`, one less where the mark was put before. */
  *#words(text: string, isStart: boolean): Generator<{ word: string; start: number }> {
    const { isSplitAtSpaces, prepend } = this.#options
    if (isSplitAtSpaces) {
      let start = 0
      for (const part of text.split(SPACES)) {
        const at = text.indexOf(part, start)
        start = at + part.length
        if (part === '') continue
        const hasMark = prepend === 'never' || part.startsWith(WORD_START)
        yield* this.#atMarks(hasMark ? part : WORD_START + part, hasMark ? at : at - 1)
      }
      return
    }
    if (text === '') return
    const marked = text.replaceAll(' ', WORD_START)
    const hasMark = prepend === 'never' || !isStart || marked.startsWith(WORD_START)
    yield* this.#atMarks(hasMark ? marked : WORD_START + marked, hasMark ? 0 : -1)
  }

  *#atMarks(text: string, offset: number): Generator<{ word: string; start: number }> {
    for (let start = 0; start < text.length; ) {
      const next = text.indexOf(WORD_START, start + 1)
      const end = next === -1 ? text.length : next
      yield { word: text.slice(start, end), start: offset + start }
      start = end
    }
  }
}
