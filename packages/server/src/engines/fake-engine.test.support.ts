import { setImmediate as turn } from 'node:timers/promises'
import { chunk } from './chunk.js'
import type { Engine, Pass, PreparedText, RawEmbedding } from './engine.js'

/** A pass whose text can be seen. */
export interface FakePass extends Pass {
  text: string
}

/** What a fake computes of one pass by default: components that follow from its first character. */
export function fakeVector({ text }: FakePass, dimension = 2048): Float32Array {
  return Float32Array.from({ length: dimension }, (_, i) => Math.sin((i + 1) * text.charCodeAt(0)))
}

/** Passes of a fake engine are its own. */
export const asFake = (passes: readonly Pass[]) => passes as readonly FakePass[]

/**
 * An engine for tests of what stands before engines: one token a character, windows of four, one pass a call.
 *
 * `calls` holds the texts of each call of `embed`.
 */
export function fakeEngine(changes: Partial<Engine> = {}): Engine & { calls: string[][] } {
  const calls: string[][] = []
  return {
    calls,
    id: 'builtin-text',
    identity: '0'.repeat(64),
    dimension: 2048,
    window: 4,
    isUp: true,
    batching: { maxPasses: 1, maxPaddedTokens: 4, concurrency: 1 },
    sparse: {
      identity: '1'.repeat(64),
      weighTerms: ({ passes }) => [{ index: asFake(passes)[0]?.text.charCodeAt(0) ?? 0, value: 1, token: 'x' }],
    },
    async prepare(text, { maxTokens, keep }): Promise<PreparedText> {
      const ids = Int32Array.from(text.trim(), (character) => character.charCodeAt(0))
      const kept = keep === 'start' ? ids.slice(0, maxTokens) : ids.slice(-maxTokens)
      const windows = kept.length === 0 ? [] : chunk(kept, 4)
      return {
        tokens: kept.length,
        isOverLimit: ids.length > maxTokens,
        passes: windows.map(
          (window): FakePass => ({
            tokens: window.length,
            textTokens: window.length,
            text: String.fromCharCode(...window),
          }),
        ),
      }
    },
    async embed(passes): Promise<RawEmbedding[]> {
      calls.push(asFake(passes).map(({ text }) => text))
      await turn()
      return asFake(passes).map((pass) => ({ dense: fakeVector(pass) }))
    },
    close: async () => {},
    ...changes,
  }
}
