import type { LocatedToken } from '../engine.js'
import { BYTE_LETTERS, LETTER_BYTES } from './byte-letters.js'
import type { Normalizer } from './normalizer.js'
import { PairTable, type PairTables } from './pair-table.js'
import { PieceTrie, type TrieTables } from './piece-trie.js'
import { sharedInts, type TextTable, textAt, textTable } from './shared-tables.js'
import type { TokenModel } from './tokenizer.js'
import { WordCache } from './word-cache.js'

/** Room for a place in a word beside a pair's rank: the two together stay below 2⁵³. */
const PLACE_ROOM = 2 ** 21
/** A pattern sees at most so much at a time: a longer match would exhaust the stack of the expression engine. */
const WINDOW_UNITS = 65_536

export interface BpeOptions {
  tables: BpeTables
  normalizer: Normalizer
  /** Words, in order; what no match covers is a word too. Global. */
  pattern: RegExp
  isSpaceAdded: boolean
  /** Ids with a text of their own, outside of the alphabet: special and added tokens. */
  added: ReadonlyMap<number, string>
}

/** What vocabulary and merges become, in memory that threads share. */
export interface BpeTables {
  /** Id of each byte's own token. */
  bytes: Int32Array
  pairs: PairTables
  /** Tokens by id, in the alphabet of {@link BYTE_LETTERS}. */
  tokens: TextTable
  /** Where a word that is a token stays one, whatever the merges say: the tokens, to be looked up. */
  words?: TrieTables
}

/**
 * @param vocabulary tokens in the alphabet of {@link BYTE_LETTERS}.
 * @param merges pairs of tokens that become one, the most urgent first.
 * @throws {RangeError} for a vocabulary without all bytes, or a merge of what it does not have.
 */
export function bpeTables(
  vocabulary: ReadonlyMap<string, number>,
  merges: readonly (readonly [string, string])[],
  { areMergesIgnored }: { areMergesIgnored: boolean },
): BpeTables {
  const tokens: string[] = []
  for (const [token, id] of vocabulary) tokens[id] = token
  const idOf = (token: string) => {
    const id = vocabulary.get(token)
    if (id === undefined) throw new RangeError(`the vocabulary has no ${JSON.stringify(token)}`)
    return id
  }
  const bytes = sharedInts(BYTE_LETTERS.length)
  bytes.set(BYTE_LETTERS.map(idOf))
  const pairs = PairTable.of(merges.length)
  for (const [rank, [left, right]] of merges.entries()) {
    pairs.add(idOf(left), idOf(right), { rank, id: idOf(left + right) })
  }
  const all = Array.from(tokens) // ids without a token are `undefined`, no longer holes
  return {
    bytes,
    pairs: pairs.tables,
    tokens: textTable(all),
    ...(areMergesIgnored && { words: PieceTrie.of(all).tables }),
  }
}

/**
 * Byte-level byte-pair encoding: words by a pattern, a word's UTF-8 bytes as letters, then the most urgent pair of
 * neighbours merged until none is left. O(n log n) in a word's length.
 *
 * @see Sennrich et al. 2016, Neural Machine Translation of Rare Words with Subword Units, arXiv:1508.07909
 */
export class ByteLevelBpe implements TokenModel {
  readonly #options: BpeOptions
  readonly #pairs: PairTable
  readonly #wholeWords: PieceTrie | undefined
  readonly #cache = new WordCache()

  constructor(options: BpeOptions) {
    this.#options = options
    const { pairs, words } = options.tables
    this.#pairs = new PairTable(pairs)
    this.#wholeWords = words && new PieceTrie(words)
  }

  encode(stretch: string, isStart: boolean, ids: number[]): void {
    for (const word of this.#words(this.#options.normalizer.normalize(stretch, isStart), isStart)) {
      for (const id of this.#cache.get(word, (own) => this.#merge(own).map((token) => token.id))) ids.push(id)
    }
  }

  locate(stretch: string, isStart: boolean): LocatedToken[] {
    const { text, starts, ends } = this.#options.normalizer.align(stretch, isStart)
    const tokens: LocatedToken[] = []
    let position = isStart && this.#options.isSpaceAdded && !/^\s/u.test(text) ? -1 : 0
    for (const word of this.#words(text, isStart)) {
      const units = unitsOfBytes(word)
      for (const { id, start, end } of this.#merge(word)) {
        const first = Math.max(position + (units[start] as number), 0) // tokens lie within the word's bytes
        const last = Math.max(position + (units[end - 1] as number), 0)
        const isPair = isHighSurrogate(text.charCodeAt(last))
        tokens.push({ id, start: starts[first] as number, end: ends[isPair ? last + 1 : last] as number })
      }
      position += word.length
    }
    return tokens
  }

  tokenText(id: number): string {
    return this.#options.added.get(id) ?? this.#bytesOf(id).toString('utf8')
  }

  decode(ids: readonly number[]): string {
    return Buffer.concat(
      ids.map((id) => {
        const name = this.#options.added.get(id)
        return name === undefined ? this.#bytesOf(id) : Buffer.from(name)
      }),
    ).toString('utf8')
  }

  #bytesOf(id: number): Buffer {
    const token = textAt(this.#options.tables.tokens, id)
    if (token === undefined) throw new RangeError(`there is no token ${id}`)
    return Buffer.from(Array.from(token, (letter) => LETTER_BYTES.get(letter) ?? 0x3f))
  }

  /** In order and without gaps. */
  *#words(text: string, isStart: boolean): Generator<string> {
    const { pattern, isSpaceAdded } = this.#options
    const whole = isSpaceAdded && isStart && text !== '' && !/^\s/u.test(text) ? ` ${text}` : text
    for (let start = 0; start < whole.length; ) {
      const window =
        whole.length - start > WINDOW_UNITS ? wellCut(whole.slice(start, start + WINDOW_UNITS)) : whole.slice(start)
      let done = 0
      for (const { index, 0: match } of window.matchAll(pattern)) {
        // The last match of a window may go on in the next one, unless it fills the window.
        const end = index + match.length
        if (end === window.length && start + end < whole.length && index > 0) break
        if (index > done) yield window.slice(done, index)
        if (match !== '') yield match
        done = end
      }
      if (start + window.length >= whole.length && done < window.length) {
        yield window.slice(done)
        done = window.length
      }
      if (done === 0) {
        yield window
        done = window.length
      }
      start += done
    }
  }

  /** Tokens with the bytes of the word that they stand for: [start, end). */
  #merge(word: string): { id: number; start: number; end: number }[] {
    const bytes = Buffer.from(word)
    const id = this.#wholeWords?.find(Array.from(bytes, (byte) => BYTE_LETTERS[byte]).join(''))
    if (id !== undefined) return [{ id, start: 0, end: bytes.length }]
    const ids = Int32Array.from(bytes, (byte) => this.#options.tables.bytes[byte] as number) // one for each of 256
    mergePairs(ids, this.#pairs)
    const tokens: { id: number; start: number; end: number }[] = []
    for (let start = 0; start < ids.length; ) {
      let end = start + 1
      while (end < ids.length && ids[end] === GONE) end++
      tokens.push({ id: ids[start] as number, start, end })
      start = end
    }
    return tokens
  }
}

/** In place of a symbol that was merged into the one before it. */
const GONE = -1

/** Merge the most urgent pair, the leftmost of equals, until none is left. */
function mergePairs(ids: Int32Array, pairs: PairTable): void {
  const { length } = ids
  const next = Int32Array.from({ length }, (_, i) => i + 1)
  const previous = Int32Array.from({ length }, (_, i) => i - 1)
  const urgent = new MinHeap()
  const at = (array: Int32Array, i: number) => array[i] as number // positions of symbols that are there
  const slotOf = (left: number) => {
    const right = left < 0 ? length : at(next, left)
    return right >= length ? -1 : pairs.find(at(ids, left), at(ids, right))
  }
  const offer = (left: number) => {
    const slot = slotOf(left)
    if (slot !== -1) urgent.push(pairs.rankAt(slot) * PLACE_ROOM + left)
  }
  for (let left = 0; left < length - 1; left++) offer(left)
  for (let top = urgent.pop(); top !== undefined; top = urgent.pop()) {
    const left = top % PLACE_ROOM
    if (at(ids, left) === GONE) continue
    const slot = slotOf(left)
    if (slot === -1 || pairs.rankAt(slot) !== Math.floor(top / PLACE_ROOM)) continue // merged meanwhile
    const right = at(next, left)
    ids[left] = pairs.idAt(slot)
    ids[right] = GONE
    next[left] = at(next, right)
    if (at(next, left) < length) previous[at(next, left)] = left
    offer(at(previous, left))
    offer(left)
  }
}

/** A binary heap of numbers. */
class MinHeap {
  readonly #items: number[] = []

  push(item: number): void {
    const items = this.#items
    let place = items.push(item) - 1
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = items[parent] as number // a parent comes before its child
      if (above <= item) break
      items[place] = above
      place = parent
    }
    items[place] = item
  }

  pop(): number | undefined {
    const items = this.#items
    const top = items[0]
    const item = items.pop()
    if (item === undefined || items.length === 0) return top
    let place = 0
    for (let child = 1; child < items.length; child = 2 * place + 1) {
      const right = items[child + 1]
      if (right !== undefined && right < (items[child] as number)) child++ // child < length
      const below = items[child] as number
      if (below >= item) break
      items[place] = below
      place = child
    }
    items[place] = item
    return top
  }
}

/** For each UTF-8 byte of a text the unit of the character that it belongs to. */
function unitsOfBytes(text: string): number[] {
  const units: number[] = []
  let unit = 0
  for (const character of text) {
    for (let i = Buffer.byteLength(character); i > 0; i--) units.push(unit)
    unit += character.length
  }
  return units
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

/** Not within a pair of surrogates. */
function wellCut(window: string): string {
  return isHighSurrogate(window.charCodeAt(window.length - 1)) ? window.slice(0, -1) : window
}
