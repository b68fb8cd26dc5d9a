import { PieceTrie, type TrieTables } from './piece-trie.js'
import { sharedDoubles } from './shared-tables.js'

/** Added to the least probable piece's score for a character that no piece covers; sentencepiece's constant. */
const UNKNOWN_PENALTY = 10

/** A piece of a word, and the UTF-16 units of the word that it stands for: [start, end). */
export interface Piece {
  id: number
  start: number
  end: number
}

/** What a vocabulary becomes, in memory that threads share. */
export interface UnigramTables {
  trie: TrieTables
  /** Log probability by id. */
  scores: Float64Array
  /** UTF-16 units of the longest piece. */
  longestPiece: number
}

/** @param pieces [piece, log probability] by id. @param reserved ids that text never yields: `<s>`, `</s>`, … */
export function unigramTables(
  pieces: readonly (readonly [string, number])[],
  reserved: ReadonlySet<number>,
): UnigramTables {
  const scores = sharedDoubles(pieces.length)
  pieces.forEach(([, score], id) => {
    scores[id] = score
  })
  return {
    trie: PieceTrie.of(pieces.map(([piece], id) => (reserved.has(id) ? undefined : piece))).tables,
    scores,
    longestPiece: pieces.reduce((longest, [piece]) => Math.max(longest, piece.length), 1),
  }
}

/**
 * Unigram segmentation: the most probable sequence of pieces, by Viterbi over the positions of a string.
 *
 * Time O(n · longest piece), memory O(n) code units. Ties, unknown characters and the fusing of neighbouring unknowns
 * follow the reference (Hugging Face tokenizers, `Unigram::encode_optimized`), so that ids are equal.
 * @see Kudo 2018, Subword Regularization, arXiv:1804.10959
 */
export class Unigram {
  readonly #trie: PieceTrie
  readonly #scores: Float64Array
  readonly #unknownId: number
  readonly #unknownScore: number
  /** UTF-16 units of the longest piece. */
  readonly longestPiece: number

  // Viterbi's columns, kept between calls: best score of a path that ends at a position, its last piece and start.
  #best = new Float64Array(64)
  #lastId = new Int32Array(64)
  #lastStart = new Int32Array(64)

  constructor({ trie, scores, longestPiece }: UnigramTables, unknownId: number) {
    this.#trie = new PieceTrie(trie)
    this.#scores = scores
    this.#unknownId = unknownId
    this.#unknownScore = scores.reduce((least, score) => Math.min(least, score), 0) - UNKNOWN_PENALTY
    this.longestPiece = longestPiece
  }

  /** Ids of one word's pieces, in order. @param word well-formed UTF-16. */
  encode(word: string): number[] {
    return this.segment(word).map(({ id }) => id)
  }

  /** One word's pieces, in order and without gaps. @param word well-formed UTF-16. */
  segment(word: string): Piece[] {
    this.#findBestPaths(word)
    return this.#readBack(word.length)
  }

  #findBestPaths(word: string): void {
    const { length } = word
    if (this.#best.length <= length) this.#grow(length)
    const best = this.#best.fill(Number.NEGATIVE_INFINITY, 0, length + 1)
    best[0] = 0
    for (let start = 0; start < length; ) {
      const scoreHere = best[start] as number // start < length < best.length
      const characterEnd = start + (isHighSurrogate(word.charCodeAt(start)) ? 2 : 1)
      let hasCharacter = false
      let node = PieceTrie.ROOT
      for (let end = start; end < length; ) {
        node = this.#trie.child(node, word.charCodeAt(end++))
        if (node === PieceTrie.NONE) break
        const id = this.#trie.idAt(node)
        if (id === PieceTrie.NONE) continue
        this.#offer(end, start, id, scoreHere + (this.#scores[id] as number)) // the trie holds ids of scores only
        if (end === characterEnd) hasCharacter = true
      }
      if (!hasCharacter) this.#offer(characterEnd, start, this.#unknownId, scoreHere + this.#unknownScore)
      start = characterEnd
    }
  }

  /** Keep a path if it is better than the best so far; of equals, the first one found stays. */
  #offer(end: number, start: number, id: number, score: number): void {
    if (!(score > (this.#best[end] as number))) return // end ≤ length < best.length
    this.#best[end] = score
    this.#lastId[end] = id
    this.#lastStart[end] = start
  }

  #readBack(length: number): Piece[] {
    const pieces: Piece[] = []
    for (let end = length; end > 0; ) {
      const id = this.#lastId[end] as number // every position on the path was offered to
      const start = this.#lastStart[end] as number
      const next = pieces.at(-1)
      if (next !== undefined && id === this.#unknownId && next.id === id) next.start = start
      else pieces.push({ id, start, end })
      end = start
    }
    return pieces.reverse()
  }

  #grow(length: number): void {
    const size = 2 ** Math.ceil(Math.log2(length + 1))
    this.#best = new Float64Array(size)
    this.#lastId = new Int32Array(size)
    this.#lastStart = new Int32Array(size)
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}
