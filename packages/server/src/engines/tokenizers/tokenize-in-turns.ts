import { setImmediate } from 'node:timers/promises'
import type { TokenizedText } from '../engine.js'
import type { Tokenizer } from './tokenizer.js'

/** After so long other work gets a turn. */
const TURN_MS = 8

/**
 * Tokenise with pauses in which the event loop does other work.
 *
 * @param options.keep which end of a text of more than `maxTokens` tokens is kept. For its end all of it is tokenised.
 * @throws the signal's reason when it is aborted.
 */
export async function tokenizeInTurns(
  tokenizer: Pick<Tokenizer, 'parts'>,
  text: string,
  { maxTokens, keep, signal }: { maxTokens: number; keep: 'start' | 'end'; signal: AbortSignal },
): Promise<TokenizedText> {
  signal.throwIfAborted()
  const parts: (readonly number[])[] = []
  let count = 0
  let turnStartedAt = performance.now()
  for (const part of tokenizer.parts(text)) {
    parts.push(part)
    count += part.length
    if (count > maxTokens && keep === 'start') break
    // What the end will not need is let go.
    while (keep === 'end' && count - (parts[0]?.length ?? 0) > maxTokens) count -= parts.shift()?.length ?? 0
    if (performance.now() - turnStartedAt < TURN_MS) continue
    await setImmediate()
    signal.throwIfAborted()
    turnStartedAt = performance.now()
  }
  const ids = Int32Array.from(parts.flat())
  if (ids.length <= maxTokens) return { ids, isOverLimit: false }
  return { ids: keep === 'start' ? ids.slice(0, maxTokens) : ids.slice(ids.length - maxTokens), isOverLimit: true }
}
