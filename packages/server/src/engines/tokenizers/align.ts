/** A normalised text that remembers, for each of its UTF-16 units, which units of the original it came from. */
export interface AlignedText {
  text: string
  /** First original unit of each unit. */
  starts: readonly number[]
  /** One past the last original unit of each unit. */
  ends: readonly number[]
}

/** Characters that normalisation may merge with what stands before them: marks, and the later jamo of a syllable. */
const CONTINUES = /^[\p{M}\u1160-\u11ff]/u

/**
 * Normalise as the tokenizer does, and keep the places.
 *
 * NFKC is done on stretches that cannot influence each other, so that joined together they are the NFKC of the whole;
 * each unit of a stretch that changed stands for all of it. Time O(n). As in the reference, a run of spaces that becomes
 * one space stands where its last one stood. Where the reference leaves a mark that was merged into its letter out of
 * the letter's place, here the place is the letter with its mark.
 */
export function align(
  original: string,
  { nfkc, removed, spaces }: { nfkc: (text: string) => string; removed: RegExp; spaces: RegExp },
): AlignedText {
  const whole = alignForm(original.toWellFormed(), nfkc)
  return trim(replaceIn(replaceIn(whole, removed, ''), spaces, ' '))
}

/**
 * Normalise stretch by stretch, a stretch being a character with what may merge with it.
 *
 * @param text well-formed UTF-16. @param toNormal changes no stretch by what stands beside it.
 */
export function alignForm(text: string, toNormal: (stretch: string) => string): AlignedText {
  const aligned = { text: '', starts: [] as number[], ends: [] as number[] }
  let start = 0
  const add = (normalized: string, from: number, to: number) => {
    aligned.text += normalized
    for (let i = 0; i < normalized.length; i++) {
      aligned.starts.push(from)
      aligned.ends.push(to)
    }
  }
  const flush = (end: number) => {
    const stretch = text.slice(start, end)
    const normalized = toNormal(stretch)
    if (normalized !== stretch) add(normalized, start, end)
    else
      for (const { index, 0: character } of stretch.matchAll(/./gsu)) {
        add(character, start + index, start + index + character.length)
      }
    start = end
  }
  let position = 0
  for (const character of text) {
    if (position > start && !continues(character)) flush(position)
    position += character.length
  }
  flush(text.length)
  return aligned
}

/** By its normal form: halfwidth and compatibility jamo, and halfwidth sound marks, become what continues. */
function continues(character: string): boolean {
  return character > '\u02ff' && CONTINUES.test(character.normalize('NFKC'))
}

/** Replace each match; of its units the last ones stay, as many as the replacement has. */
export function replaceIn({ text, starts, ends }: AlignedText, pattern: RegExp, replacement: string): AlignedText {
  const isKept = new Array<boolean>(text.length).fill(true)
  for (const { index, 0: match } of text.matchAll(pattern)) {
    isKept.fill(false, index, index + match.length - replacement.length)
  }
  const keep = (_: unknown, unit: number) => isKept[unit] === true
  return { text: text.replace(pattern, replacement), starts: starts.filter(keep), ends: ends.filter(keep) }
}

function trim({ text, starts, ends }: AlignedText): AlignedText {
  const trimmed = text.trim()
  const first = text.length - text.trimStart().length
  return {
    text: trimmed,
    starts: starts.slice(first, first + trimmed.length),
    ends: ends.slice(first, first + trimmed.length),
  }
}
