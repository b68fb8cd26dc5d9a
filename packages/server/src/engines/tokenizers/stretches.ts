import { slicesOf } from './slices.js'

/** A text of no more UTF-16 units is one stretch. */
const SHORT_UNITS = 8_192
/** A stretch is at least so long, unless the text ends. */
const LEAST_UNITS = 4_096
/** Only a text without a space in so many units is cut elsewhere. */
const MOST_UNITS = 65_536
/** The last unit of a word that a space or a line's end follows. */
const WORD_END = /\S(?=[ \n])/g

/**
 * A text in stretches that can be tokenised one by one: cut between a word and the space after it, where every
 * tokenizer cuts. A run of more than 65,536 units without a space is cut between two characters, which may change the
 * tokens at that place: no writing has such words, and Chinese has its line ends.
 *
 * @param text well-formed UTF-16.
 */
export function* stretchesOf(text: string): Generator<string> {
  let start = 0
  while (text.length - start > SHORT_UNITS) {
    WORD_END.lastIndex = 0
    const wordEnd = WORD_END.exec(text.slice(start + LEAST_UNITS, start + MOST_UNITS))?.index
    if (wordEnd === undefined && text.length - start <= MOST_UNITS) break
    // No space in sight: up to a character that nothing before it depends on.
    const [stretch = ''] =
      wordEnd === undefined
        ? slicesOf(text.slice(start), MOST_UNITS)
        : [text.slice(start, start + LEAST_UNITS + wordEnd + 1)]
    yield stretch
    start += stretch.length
  }
  if (start < text.length) yield text.slice(start)
}
