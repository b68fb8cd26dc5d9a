import { createHash } from 'node:crypto'
import type { Engine } from '../engines/engine.js'

/**
 * Name of the vector space: 16 hex digits over the engine's identity, the dimension and the normalisation.
 *
 * Vectors may be compared only within one space. Queries and documents of one model share it.
 */
export function spaceOf(engine: Pick<Engine, 'identity'>, request: { dimension: number; normalize: boolean }): string {
  const length = request.normalize ? 'unit-length' : 'model-length'
  return fingerprint(`${engine.identity}\n${request.dimension}\n${length} float32`)
}

/** Likewise of the engine, whatever the dimension and the length. */
export function engineSpaceOf({ identity }: Pick<Engine, 'identity'>): string {
  return fingerprint(identity)
}

/** Likewise for sparse vectors, which have no dimension. @throws {TypeError} for an engine that has none. */
export function sparseSpaceOf({ id, sparse }: Engine): string {
  if (sparse === undefined) throw new TypeError(`${id} has no sparse vectors`)
  return fingerprint(`${sparse.identity}\nsparse`)
}

/** Asked for with every request; there are as many as engines times dimensions. */
const fingerprints = new Map<string, string>()

function fingerprint(text: string): string {
  const known = fingerprints.get(text)
  if (known !== undefined) return known
  const made = createHash('sha256').update(text).digest('hex').slice(0, 16)
  fingerprints.set(text, made)
  return made
}
