import { cosine, shorten } from '../../vector/vector.js'
import type { MultimodalEngine } from '../multimodal-engine.js'
import type { Canary } from './weights.js'

/** Tokens that no name of the canary has. */
const MANY_TOKENS = 100

/**
 * What is wrong with a model, in words; undefined for nothing. Its vectors of a few pictures and of their names must be the
 * training side's, and each name must be nearer to its own picture than to the others.
 */
export async function findFault(
  engine: MultimodalEngine,
  { cases, tolerance }: Canary,
  signal: AbortSignal,
): Promise<string | undefined> {
  const names = cases.flatMap((one, owner) => one.names.map((name) => ({ ...name, owner })))
  const captions = await Promise.all(names.map(({ text }) => engine.tokenize(text, { maxTokens: MANY_TOKENS, signal })))
  const pictures = cases.map(({ width, height, rgb }) => ({
    width,
    height,
    rgb: Uint8Array.from(Buffer.from(rgb, 'base64')),
  }))
  const said = await engine.embedTexts(captions, { signal })
  const seen = await engine.embedPictures(pictures, { signal })

  const similarities = [
    ...cases.map(({ d64 }, i) => likeness(seen[i], d64)),
    ...names.map(({ d64 }, i) => likeness(said[i], d64)),
  ]
  const least = Math.min(...similarities)
  // Not `<`: it would let NaN pass.
  if (!(least >= tolerance.cosine)) {
    return `the least cosine of ${similarities.length} vectors is ${least}, and must be ${tolerance.cosine} or more`
  }
  const lost = names.filter(({ owner }, i) => nearest(said[i], seen) !== owner)
  return lost.length === 0
    ? undefined
    : `${lost.length} of ${names.length} names are nearer to another picture than to their own`
}

function likeness(vector: Float32Array | undefined, expected: readonly number[]): number {
  return vector === undefined ? 0 : cosine(shorten(vector, expected.length), Float32Array.from(expected))
}

function nearest(text: Float32Array | undefined, pictures: readonly Float32Array[]): number | undefined {
  if (text === undefined) return undefined
  const scores = pictures.map((picture) => cosine(text, picture))
  return scores.indexOf(Math.max(...scores))
}
