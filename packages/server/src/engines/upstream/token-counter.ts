/** Counts the tokens of a text as the serving model's tokenizer does, without prompts and special tokens. */
export interface TokenCounter {
  /** Whether it asks no server: then a text is counted before anything else, and not while it is computed. */
  readonly isLocal: boolean
  count(texts: readonly string[], signal: AbortSignal): Promise<number[]>
  close(): Promise<void>
}

/** A stretch of a text and how many tokens it has. */
export interface Piece {
  text: string
  tokens: number
}

/** Guesses that a search for the right place may need; each halves what is left, or does better. */
const MAX_GUESSES = 40

/**
 * For grouping only, where a count would cost a call: four letters of an alphabet, or one and a half characters of other
 * scripts, are about a token.
 */
export function estimateTokens(text: string): number {
  let ascii = 0
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x80) ascii++
  return Math.ceil(ascii / 4 + (text.length - ascii) / 1.5) + 1
}

/**
 * The longest beginning (or end) of a text that has at most `maxTokens` tokens, found by asking the tokenizer: no
 * tokenizer route tells where its tokens lie in the same units. The number of tokens grows with the text but for single
 * tokens at the cut, so the outcome is within a token or two of the longest.
 *
 * @param whole a text of more than `maxTokens` tokens.
 */
export async function cut(
  whole: Piece,
  { maxTokens, keep }: { maxTokens: number; keep: 'start' | 'end' },
  count: (text: string) => Promise<number>,
): Promise<Piece> {
  const { text, tokens } = whole
  const take = (units: number) =>
    keep === 'start' ? text.slice(0, edge(text, units)) : text.slice(edge(text, text.length - units))
  let fits: Piece = { text: '', tokens: 0 }
  let tooMany = { units: text.length, tokens }
  for (let guess = 0; guess < MAX_GUESSES && tooMany.units - fits.text.length > 2; guess++) {
    // Where the limit lies if tokens are spread evenly between what fits and what does not; never either end itself.
    const share = (maxTokens - fits.tokens) / (tooMany.tokens - fits.tokens)
    const room = tooMany.units - fits.text.length
    const step = guess % 3 === 2 ? room / 2 : room * share // the even spread may be wrong every time in the same way
    const units = fits.text.length + Math.min(room - 1, Math.max(1, Math.round(step)))
    const piece = take(units)
    if (piece.length <= fits.text.length) break
    const found = await count(piece)
    if (found > maxTokens) tooMany = { units: piece.length, tokens: found }
    else fits = { text: piece, tokens: found }
    if (found === maxTokens) break
  }
  return fits
}

/**
 * A text of more tokens than a window takes, as windows of nearly equal length; together they are the whole text.
 *
 * @param whole a text of more than `window` tokens.
 */
export async function split(whole: Piece, window: number, count: (text: string) => Promise<number>): Promise<Piece[]> {
  const windows: Piece[] = []
  let rest = whole
  while (rest.tokens > window) {
    const windowsLeft = Math.ceil(rest.tokens / window)
    const target = Math.ceil(rest.tokens / windowsLeft)
    const piece = await cut(rest, { maxTokens: target, keep: 'start' }, count)
    if (piece.text === '') throw new RangeError(`no beginning of a text fits into ${target} tokens`)
    windows.push(piece)
    const text = rest.text.slice(piece.text.length)
    rest = { text, tokens: await count(text) }
  }
  if (rest.tokens > 0) windows.push(rest)
  return windows
}

/** A place that divides no pair of surrogates: `units` or one less. */
function edge(text: string, units: number): number {
  const code = text.charCodeAt(units)
  return code >= 0xdc00 && code <= 0xdfff ? units - 1 : units
}
