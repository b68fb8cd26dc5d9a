/** Words longer than this are not worth remembering. */
const MAX_WORD_UNITS = 24
/** About 20 MB; a full cache starts anew. */
const MAX_WORDS = 100_000

/** Remembers the ids of frequent words. */
export class WordCache {
  readonly #words = new Map<string, readonly number[]>()

  /** @param encode computes the ids of a word that is not remembered. */
  get(word: string, encode: (word: string) => readonly number[]): readonly number[] {
    const known = this.#words.get(word)
    if (known !== undefined) return known
    const ids = encode(word)
    if (word.length <= MAX_WORD_UNITS) {
      if (this.#words.size >= MAX_WORDS) this.#words.clear()
      // A slice would keep the whole text alive that it was cut from.
      this.#words.set(Buffer.from(word, 'utf16le').toString('utf16le'), ids)
    }
    return ids
  }
}
