import type { TextType } from '@quiver/protocol'
import type { Pass } from '../engine.js'
import type { UpstreamEntry } from '../engine-entry.js'
import { estimateTokens } from './token-counter.js'
import { UpstreamError } from './upstream-error.js'

/** Tokens that a model puts around a text; of estimates only. */
const SPECIAL_TOKENS = 2

/** What a protocol that puts its own prompts in front is told of a text; texts of one request share it. */
export interface Use {
  textType: TextType
  instruct?: string | undefined
}

/** How many tokens the text of a pass has, and whether that is an estimate. */
interface Count {
  textTokens: number
  isEstimate: boolean
}

/** One text or window of one, as it will be sent. */
export class UpstreamPass implements Pass {
  readonly tokens: number
  readonly textTokens: number
  readonly isEstimate: boolean

  constructor(
    readonly text: string,
    /** Put before the text by us. */
    readonly prompt: string,
    readonly use: Use,
    { textTokens, isEstimate }: Count,
  ) {
    this.textTokens = textTokens
    this.isEstimate = isEstimate
    this.tokens = textTokens + SPECIAL_TOKENS + (prompt === '' ? 0 : estimateTokens(prompt))
  }
}

/** @throws {TypeError} for a pass of another engine. */
export function asOwn(pass: Pass): UpstreamPass {
  if (pass instanceof UpstreamPass) return pass
  throw new TypeError('a pass of another engine')
}

/** What stands before a text of this use, the task put in. */
export function promptOf({ prompts }: UpstreamEntry, { textType, instruct }: Use): string {
  if (prompts === undefined) return ''
  return prompts[textType].replaceAll('{instruct}', () => instruct ?? prompts.instruct ?? '')
}

/** A token is at least a byte of its text in every tokenizer that does not rewrite it; rewriting adds few. */
export function isSurelyWithin(text: string, tokens: number): boolean {
  return Buffer.byteLength(text) <= tokens
}

/**
 * Tokens of a request on its texts: a single one has them all; several have them in proportion to their estimates, by
 * largest remainder, so that the sum is exact. Nothing is known where the upstream says nothing.
 */
export function spreadTokens(total: number | undefined, group: readonly UpstreamPass[]): number[] {
  if (total === undefined) throw new UpstreamError('invalid_answer', { status: 200 })
  const weights = group.map(({ textTokens }) => textTokens)
  const sum = weights.reduce((a, b) => a + b, 0)
  const shares = weights.map((weight) => (total * weight) / sum)
  const whole = shares.map(Math.floor)
  const left = total - whole.reduce((a, b) => a + b, 0)
  const byRemainder = shares
    .map((share, i) => ({ i, remainder: share - Math.floor(share) }))
    .sort((a, b) => b.remainder - a.remainder)
  for (const { i } of byRemainder.slice(0, left)) whole[i] = (whole[i] ?? 0) + 1
  return whole
}

/** As long groups as may be, all but the last of `size`. */
export function inChunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}

/** Texts that may travel in one request: of the same use, where it travels too, at most `size`. */
export function inGroups(
  passes: Iterable<[place: number, pass: UpstreamPass]>,
  size: number,
): [place: number, pass: UpstreamPass][][] {
  const byUse = new Map<string, [number, UpstreamPass][]>()
  for (const entry of passes) {
    const { textType, instruct = '' } = entry[1].use
    const key = `${textType}\n${instruct}`
    byUse.set(key, [...(byUse.get(key) ?? []), entry])
  }
  return [...byUse.values()].flatMap((all) => inChunks(all, size))
}
