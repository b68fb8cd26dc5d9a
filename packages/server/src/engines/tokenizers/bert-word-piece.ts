import type { LocatedToken } from '../engine.js'
import { alignForm } from './align.js'
import { ACCENTS, CharacterKind, kindOf } from './bert-characters.js'
import type { TokenModel } from './tokenizer.js'
import { toForm } from './unicode-form.js'
import { WordCache } from './word-cache.js'

export interface BertOptions {
  vocabulary: ReadonlyMap<string, number>
  unknownId: number
  /** What stands before a piece that continues a word: `##`. */
  continuation: string
  /** A word of more characters is one unknown token. */
  maxWordCharacters: number
  isCleaned: boolean
  isLowercase: boolean
  isWithoutAccents: boolean
  areIdeographsWords: boolean
}

/** A word and its place in the normalised text. */
interface Word {
  text: string
  start: number
}

const ASCII_SPACES = /[^ \t\n\r]+/g
const PLAIN = /^[\x21-\x7e]*$/
const ONE_WORD = /^[a-z0-9]+$/i

/**
 * BERT's tokenizer: controls removed, accents stripped, lower case as the model wants it; words are cut at spaces, and
 * punctuation and ideographs are words of their own; each word becomes its longest known beginning, then the longest
 * continuation, and so on.
 *
 * Whatever stands between two spaces is tokenised by itself, so frequent runs are remembered as they are written.
 */
export class BertWordPiece implements TokenModel {
  readonly #options: BertOptions
  readonly #pieces: string[] = []
  /** Units of the longest piece of a word. */
  readonly #longestPiece: number
  readonly #runs = new WordCache()
  readonly #words = new WordCache()

  constructor(options: BertOptions) {
    this.#options = options
    for (const [piece, id] of options.vocabulary) this.#pieces[id] = piece
    this.#longestPiece = this.#pieces.reduce((longest, piece) => Math.max(longest, piece.length), 1)
  }

  encode(stretch: string, _isStart: boolean, ids: number[]): void {
    let start = 0
    for (let i = 0; i <= stretch.length; i++) {
      if (i < stretch.length && !isAsciiSpace(stretch.charCodeAt(i))) continue
      if (i > start) {
        const run = stretch.slice(start, i)
        for (const id of this.#runs.get(run, (own) => this.#encodeRun(own))) ids.push(id)
      }
      start = i + 1
    }
  }

  locate(stretch: string): LocatedToken[] {
    const tokens: LocatedToken[] = []
    for (const { index, 0: run } of stretch.matchAll(ASCII_SPACES)) {
      const { text, starts, ends } = alignForm(run, (part) => this.#normalize(part))
      for (const word of wordsOf(text)) {
        for (const { id, start, end } of this.#pieceOut(word.text)) {
          tokens.push({
            id,
            start: index + (starts[word.start + start] as number), // pieces lie within the word, the word in the text
            end: index + (ends[word.start + end - 1] as number),
          })
        }
      }
    }
    return tokens
  }

  tokenText(id: number): string {
    const piece = this.#pieces[id]
    if (piece === undefined) throw new RangeError(`there is no token ${id}`)
    const { continuation } = this.#options
    return piece.startsWith(continuation) ? piece.slice(continuation.length) : ` ${piece}`
  }

  decode(ids: readonly number[]): string {
    return ids
      .map((id) => this.tokenText(id))
      .join('')
      .trimStart()
  }

  #encodeRun(run: string): number[] {
    // What is one word already is remembered as a run.
    if (ONE_WORD.test(run)) return this.#pieceOut(this.#normalize(run)).map(({ id }) => id)
    const ids: number[] = []
    for (const { text } of wordsOf(this.#normalize(run))) {
      for (const id of this.#words.get(text, (word) => this.#pieceOut(word).map((piece) => piece.id))) ids.push(id)
    }
    return ids
  }

  #normalize(run: string): string {
    const { isCleaned, isLowercase, isWithoutAccents, areIdeographsWords } = this.#options
    if (PLAIN.test(run)) return isLowercase ? run.toLowerCase() : run
    let text = run
    if (isCleaned || areIdeographsWords) {
      text = ''
      for (const character of run) {
        const kind = kindOf(character.codePointAt(0) as number) // a character has a code point
        if (isCleaned && kind === CharacterKind.removed) continue
        if (isCleaned && kind === CharacterKind.space) text += ' '
        else if (areIdeographsWords && kind === CharacterKind.ideograph) text += ` ${character} `
        else text += character
      }
    }
    if (isWithoutAccents) text = toForm(text, 'NFD').replace(ACCENTS, '')
    // Character by character, as the reference does: the sigma at a word's end is a sigma like any other.
    return isLowercase ? text.replaceAll('Σ', 'σ').toLowerCase() : text
  }

  /** The longest known beginning, then the longest continuation, …; one unknown token if that fails anywhere. */
  #pieceOut(word: string): { id: number; start: number; end: number }[] {
    const { vocabulary, unknownId, continuation, maxWordCharacters } = this.#options
    const unknown = [{ id: unknownId, start: 0, end: word.length }]
    if (word.length > maxWordCharacters && characters(word) > maxWordCharacters) return unknown
    const pieces: { id: number; start: number; end: number }[] = []
    for (let start = 0; start < word.length; ) {
      let end = Math.min(word.length, start + this.#longestPiece)
      let id: number | undefined
      for (; end > start; end--) {
        const part = word.slice(start, end)
        id = vocabulary.get(start === 0 ? part : continuation + part)
        if (id !== undefined) break
      }
      if (id === undefined) return unknown
      pieces.push({ id, start, end })
      start = end
    }
    return pieces
  }
}

function* wordsOf(text: string): Generator<Word> {
  let start = 0
  for (let i = 0; i < text.length; ) {
    const codePoint = text.codePointAt(i) as number // i is within the text
    const units = codePoint > 0xffff ? 2 : 1
    const kind = kindOf(codePoint)
    // What is removed by the cleaning is a letter here, should a model not clean.
    if (kind === CharacterKind.space || kind === CharacterKind.punctuation || isLineControl(codePoint)) {
      if (i > start) yield { text: text.slice(start, i), start }
      if (kind === CharacterKind.punctuation) yield { text: text.slice(i, i + units), start: i }
      start = i + units
    }
    i += units
  }
  if (start < text.length) yield { text: text.slice(start), start }
}

/** Controls that are white space too: not cleaned away, they separate words. */
function isLineControl(codePoint: number): boolean {
  return codePoint === 0x0b || codePoint === 0x0c || codePoint === 0x85
}

function characters(word: string): number {
  let count = 0
  for (const _ of word) count++
  return count
}

function isAsciiSpace(unit: number): boolean {
  return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d && unit !== 0x0b && unit !== 0x0c)
}
