/**
 * One vector holds many: its first d components are its vector of dimension d. These functions read every prefix in a
 * single pass over the components, so that eight dimensions cost as much as the longest one.
 */

/** Vectors with the lengths of their prefixes. */
export interface PrefixVectors {
  vectors: readonly Float32Array[]
  /** Ascending; the last one is at most the vectors' own. */
  dimensions: readonly number[]
  /** Euclidean length of each prefix, by vector. */
  norms: readonly Float64Array[]
}

export function toPrefixVectors(vectors: readonly Float32Array[], dimensions: readonly number[]): PrefixVectors {
  return { vectors, dimensions, norms: vectors.map((vector) => prefixDots(vector, vector, dimensions).map(Math.sqrt)) }
}

/** Inner products of the first d components, for each d of `dimensions`. */
export function prefixDots(a: Float32Array, b: Float32Array, dimensions: readonly number[]): Float64Array {
  const dots = new Float64Array(dimensions.length)
  let sum = 0
  let start = 0
  dimensions.forEach((end, index) => {
    sum += dotBetween(a, b, start, end)
    dots[index] = sum
    start = end
  })
  return dots
}

/** Cosine of each prefix of row `i` of `a` with that of row `j` of `b`. */
export function prefixCosines(a: PrefixVectors, i: number, b: PrefixVectors, j: number): Float64Array {
  const dots = prefixDots(a.vectors[i] as Float32Array, b.vectors[j] as Float32Array, a.dimensions) // rows that exist
  const normsA = a.norms[i] as Float64Array // one for each vector
  const normsB = b.norms[j] as Float64Array
  return dots.map((dot, index) => dot / ((normsA[index] as number) * (normsB[index] as number)))
}

/**
 * Cosine of row `i` of `a` with every row of `b`.
 *
 * Shape: one Float64Array[rows of b] for each dimension.
 */
export function prefixScores(a: PrefixVectors, i: number, b: PrefixVectors): Float64Array[] {
  const scores = a.dimensions.map(() => new Float64Array(b.vectors.length))
  const query = a.vectors[i] as Float32Array // rows, norms and scores below: one for each vector or dimension
  const queryNorms = a.norms[i] as Float64Array
  for (let j = 0; j < b.vectors.length; j++) {
    const document = b.vectors[j] as Float32Array
    const norms = b.norms[j] as Float64Array
    let dot = 0
    let start = 0
    for (let index = 0; index < a.dimensions.length; index++) {
      const end = a.dimensions[index] as number
      dot += dotBetween(query, document, start, end)
      ;(scores[index] as Float64Array)[j] = dot / ((queryNorms[index] as number) * (norms[index] as number))
      start = end
    }
  }
  return scores
}

/** The prefix of each vector at unit length, one after the other in one array. Shape: Float32Array[rows · dimension]. */
export function toUnitRows(vectors: readonly Float32Array[], dimension: number): Float32Array {
  const rows = new Float32Array(vectors.length * dimension)
  vectors.forEach((vector, row) => {
    const norm = Math.sqrt(dotBetween(vector, vector, 0, dimension))
    for (let i = 0; i < dimension; i++) rows[row * dimension + i] = (vector[i] as number) / norm // i < dimension
  })
  return rows
}

/** Four sums at a time, which a processor can add side by side; in double precision. */
function dotBetween(a: Float32Array, b: Float32Array, start: number, end: number): number {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  let i = start
  for (; i + 3 < end; i += 4) {
    // Both vectors have at least `end` components.
    s0 += (a[i] as number) * (b[i] as number)
    s1 += (a[i + 1] as number) * (b[i + 1] as number)
    s2 += (a[i + 2] as number) * (b[i + 2] as number)
    s3 += (a[i + 3] as number) * (b[i + 3] as number)
  }
  for (; i < end; i++) s0 += (a[i] as number) * (b[i] as number)
  return s0 + s1 + s2 + s3
}
