import { stemmer } from 'stemmer'

/** Text → the terms that BM25 counts. */
export type Analyser = (text: string) => string[]

/** Lucene's English stop words (`EnglishAnalyzer.ENGLISH_STOP_WORDS_SET`). */
const STOP_WORDS = new Set(
  'a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was will with'.split(
    ' ',
  ),
)
/** Scripts that put no space between words. */
const HAN = /\p{Script=Han}/u
const HAN_RUN_OR_WORD = /\p{Script=Han}+|(?:(?!\p{Script=Han})[\p{L}\p{M}\p{N}_])+/gu

/** Lower-cased runs of letters, digits and underscores: what most search engines do for a language they do not know. */
export const words: Analyser = (text) => text.toLowerCase().match(/[\p{L}\p{M}\p{N}_]+/gu) ?? []

/** Words without Lucene's English stop words, cut to Porter's stems. */
export const english: Analyser = (text) =>
  words(text)
    .filter((word) => !STOP_WORDS.has(word))
    .map((word) => stemmer(word))

/** Overlapping pairs of Chinese characters, as Lucene's `CJKAnalyzer`; other scripts as words. */
export const bigrams: Analyser = (text) =>
  (text.toLowerCase().match(HAN_RUN_OR_WORD) ?? []).flatMap((run) => (HAN.test(run) ? pairs(run) : [run]))

/** Words of a dictionary, as ICU segments them. */
export const segmented: Analyser = (text) =>
  [...SEGMENTER.segment(text.toLowerCase())].filter(({ isWordLike }) => isWordLike).map(({ segment }) => segment)

const SEGMENTER = new Intl.Segmenter('zh', { granularity: 'word' })

function pairs(run: string): string[] {
  const characters = [...run]
  if (characters.length === 1) return characters
  return characters.slice(1).map((character, index) => `${characters[index]}${character}`)
}
