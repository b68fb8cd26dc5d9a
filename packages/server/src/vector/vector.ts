/** Sum of squares of the first `length` components, in double precision. */
function squaredNorm(vector: Float32Array, length: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) {
    const component = vector[i] as number // i < length ≤ vector.length, checked by the callers
    sum += component * component
  }
  return sum
}

/** Euclidean length, computed in double precision. */
export function norm(vector: Float32Array): number {
  return Math.sqrt(squaredNorm(vector, vector.length))
}

/** Inner product, computed in double precision. @throws {RangeError} for vectors of different dimension. */
export function dot(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`dimensions differ: ${a.length} and ${b.length}`)
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number) // both have a.length components
  return sum
}

/** Cosine similarity in [-1, 1]; 0 when either vector is zero. */
export function cosine(a: Float32Array, b: Float32Array): number {
  const lengths = norm(a) * norm(b)
  return lengths === 0 ? 0 : dot(a, b) / lengths
}

/**
 * Keep the first `dimension` components and restore unit length.
 *
 * Shape: Float32Array[n] → new Float32Array[dimension], 1 ≤ dimension ≤ n. A zero vector stays zero.
 * @throws {RangeError} outside 1…n; the catalog check makes this unreachable from HTTP.
 * @see Kusupati et al. 2022, Matryoshka Representation Learning, arXiv:2205.13147
 */
export function shorten(vector: Float32Array, dimension: number): Float32Array {
  if (!Number.isInteger(dimension) || dimension < 1 || dimension > vector.length) {
    throw new RangeError(`cannot shorten ${vector.length} components to ${dimension}`)
  }
  const length = Math.sqrt(squaredNorm(vector, dimension))
  const shortened = vector.slice(0, dimension)
  if (length === 0) return shortened
  for (let i = 0; i < dimension; i++) shortened[i] = (shortened[i] as number) / length // i < dimension
  return shortened
}

/**
 * Mean of vectors, each counted `weights[i]` times.
 *
 * Shape: k × Float32Array[n] → new Float32Array[n]; not normalised.
 * @throws {RangeError} for no vectors, or as many weights as vectors not given.
 */
export function weightedMean(vectors: readonly Float32Array[], weights: readonly number[]): Float32Array {
  const [first] = vectors
  if (first === undefined || weights.length !== vectors.length) {
    throw new RangeError(`${vectors.length} vectors with ${weights.length} weights have no mean`)
  }
  const sum = new Float64Array(first.length)
  let total = 0
  vectors.forEach((vector, row) => {
    const weight = weights[row] as number // as many weights as vectors, checked above
    total += weight
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + weight * (vector[i] as number)
  })
  return Float32Array.from(sum, (component) => component / total)
}
