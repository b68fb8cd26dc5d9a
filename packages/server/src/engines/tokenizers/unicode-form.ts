/** No word of any language has this many combining marks on one letter; UAX #15's stream-safe limit is 30. */
const LONG_MARKS = /\p{M}{64}/gu

export type UnicodeForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD'

/**
 * A normal form in linear time. Marks are put into canonical order by insertion, which is quadratic in the length of a
 * run of them; a hostile run is therefore cut into stretches that are normalised one by one.
 */
export function toForm(text: string, form: UnicodeForm): string {
  if (text.search(LONG_MARKS) === -1) return text.normalize(form)
  let normalized = ''
  let start = 0
  for (const { index, 0: marks } of text.matchAll(LONG_MARKS)) {
    const end = index + marks.length
    normalized += text.slice(start, end).normalize(form)
    start = end
  }
  return normalized + text.slice(start).normalize(form)
}
