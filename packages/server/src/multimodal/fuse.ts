import { ApiError } from '@quiver/protocol'
import { norm, shorten, weightedMean } from '../vector/vector.js'

/** Whole components at unit length. @throws {ApiError} `engine_failed` for a vector that has no direction. */
export function toUnit(vector: Float32Array): Float32Array {
  return checkUnit(shorten(vector, vector.length))
}

/**
 * One vector of several unit vectors: their mean, brought to unit length. The direction whose cosines with them have the
 * largest sum; each counts the same, whatever it was made of.
 */
export function fuse(units: readonly Float32Array[]): Float32Array {
  const [only] = units
  if (only !== undefined && units.length === 1) return only
  return toUnit(
    weightedMean(
      units,
      units.map(() => 1),
    ),
  )
}

/** Shortened to `dimension`, or filled up to it with zeros, which leaves every cosine as it is. */
export function fit(unit: Float32Array, dimension: number): Float32Array {
  if (dimension <= unit.length) return checkUnit(shorten(unit, dimension))
  const padded = new Float32Array(dimension)
  padded.set(unit)
  return padded
}

/** Nothing is silently wrong: a vector that is not finite and of unit length is an error, never an answer. */
function checkUnit(vector: Float32Array): Float32Array {
  const length = norm(vector)
  if (Math.abs(length - 1) < 1e-4) return vector // false for NaN too
  throw new ApiError('engine_failed', `The model produced an invalid vector of length ${length}.`)
}
