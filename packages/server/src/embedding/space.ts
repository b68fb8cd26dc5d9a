import { createHash } from 'node:crypto'
import type { Engine } from '../engines/engine.js'

/**
 * Name of the vector space: 16 hex digits over the engine's identity, the dimension and the normalisation.
 *
 * Vectors may be compared only within one space. Queries and documents of one model share it.
 */
export function spaceOf(engine: Engine, dimension: number): string {
  return createHash('sha256').update(`${engine.identity}\n${dimension}\nunit-length float32`).digest('hex').slice(0, 16)
}
