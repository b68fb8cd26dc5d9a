import { slicesOf } from './slices.js'

/** A stretch is at least so long, in UTF-16 units, unless the text ends. */
const LEAST_UNITS = 8_192
/** And about so long at most; only a text without a space in so many units is cut elsewhere. */
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
  while (text.length - start > MOST_UNITS) {
    const room = text.slice(start + LEAST_UNITS, start + MOST_UNITS)
    WORD_END.lastIndex = 0
    const wordEnd = WORD_END.exec(room)?.index
    if (wordEnd !== undefined) {
      const end = start + LEAST_UNITS + wordEnd + 1
      yield text.slice(start, end)
      start = end
      continue
    }
    // No space in sight: of the rest, the part up to where its space is, if it has one at all.
    const [stretch = ''] = slicesOf(text.slice(start), MOST_UNITS)
    yield stretch
    start += stretch.length
  }
  if (start < text.length) yield text.slice(start)
}
