/** UTF-16 units after which a text is cut at the next place where it may be. */
const SLICE_UNITS = 8_192

/**
 * A character that NFKC never joins to what stands before it. Left out is what may: marks; the vowels and finals of
 * Hangul (U+1100…, and what is compatible with them); the halfwidth voice marks of Katakana; a vowel of Thai, of Lao and
 * of Kirat Rai each.
 */
const STARTER = /[^\p{M}\u0e33\u0eb3\u1100-\u11ff\u3130-\u318f\ud7b0-\ud7ff\uff9e-\uffdc\u{16d63}-\u{16d6a}]/gu

/**
 * A long text in pieces, so that whoever has seen enough need not normalise all of it: one character can become
 * eighteen. NFKC of the pieces, joined, is NFKC of the whole.
 *
 * @param text well-formed UTF-16. A short one is one piece; so is a run of characters of which none is a starter.
 * @param units at least 2, because a pair of surrogates stays together.
 */
export function* slicesOf(text: string, units = SLICE_UNITS): Generator<string> {
  let start = 0
  while (text.length - start > units) {
    STARTER.lastIndex = start + units
    const end = STARTER.exec(text)?.index
    if (end === undefined) break
    yield text.slice(start, end)
    start = end
  }
  yield text.slice(start)
}
