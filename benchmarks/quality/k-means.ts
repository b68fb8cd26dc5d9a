/**
 * k-means: greedy k-means++ for the start, Lloyd's iteration, several restarts of which the tightest is kept.
 *
 * Hamerly's bounds skip the points that cannot have changed their cluster; the result is the same as without them.
 * Time O(rows · k · dimension) for each iteration at worst, much less near the end.
 * @see Arthur and Vassilvitskii 2007, k-means++: The advantages of careful seeding
 * @see Hamerly 2010, Making k-means even faster
 */
import { createRandom } from './random.js'

export interface Points {
  /** Rows one after the other. Shape: Float32Array[rows · dimension]. */
  data: Float32Array
  dimension: number
}

export interface KMeansOptions {
  k: number
  seed: number
  /** Runs from different starts; the one with the smallest inertia wins. */
  restarts: number
  maxIterations?: number
}

export interface Clustering {
  /** Cluster of each row, 0 … k-1. */
  clusters: Int32Array
  /** Sum of squared distances to the centres. */
  inertia: number
}

/** Stop when the centres move less than this part of the mean variance of a component, as scikit-learn does. */
const TOLERANCE = 1e-4

/** @throws {RangeError} unless 1 ≤ k ≤ rows. */
export function kMeans(points: Points, options: KMeansOptions): Clustering {
  const rows = points.data.length / points.dimension
  if (options.k < 1 || options.k > rows) throw new RangeError(`cannot make ${options.k} clusters of ${rows} points`)
  const random = createRandom(options.seed)
  const runs = Array.from({ length: options.restarts }, () => runOnce(points, options, random))
  return runs.reduce((best, run) => (run.inertia < best.inertia ? run : best))
}

function runOnce(points: Points, { k, maxIterations = 100 }: KMeansOptions, random: () => number): Clustering {
  const state = new Lloyd(points, chooseCentres(points, k, random))
  const leastShift = TOLERANCE * meanVariance(points)
  for (let i = 0; i < maxIterations; i++) {
    const moved = state.assign()
    if (state.moveCentres() <= leastShift || moved === 0) break
  }
  return state.result()
}

/** Greedy k-means++: of a few candidates drawn by squared distance, the one that helps most becomes a centre. */
function chooseCentres(points: Points, k: number, random: () => number): Float64Array {
  const { dimension } = points
  const rows = points.data.length / dimension
  const centres = new Float64Array(k * dimension)
  const trials = 2 + Math.floor(Math.log(k))
  const first = Math.floor(random() * rows)
  let nearest = squaredDistancesTo(points, first)
  centres.set(rowOf(points, first), 0)
  for (let c = 1; c < k; c++) {
    const candidates = Array.from({ length: trials }, () => {
      const row = drawByWeight(nearest, random())
      const distances = squaredDistancesTo(points, row)
      const merged = nearest.map((distance, i) => Math.min(distance, distances[i] as number)) // one for each row
      return { row, merged, potential: sumOf(merged) }
    })
    const best = candidates.reduce((a, b) => (b.potential < a.potential ? b : a))
    nearest = best.merged
    centres.set(rowOf(points, best.row), c * dimension)
  }
  return centres
}

function drawByWeight(weights: Float64Array, share: number): number {
  let left = share * sumOf(weights)
  const found = weights.findIndex((weight) => {
    left -= weight
    return left < 0
  })
  return found === -1 ? weights.length - 1 : found
}

/** Lloyd's iteration with Hamerly's bounds. */
class Lloyd {
  readonly #points: Points
  readonly #rows: number
  readonly #k: number
  readonly #centres: Float64Array
  readonly #sums: Float64Array
  readonly #counts: Int32Array
  readonly #clusters: Int32Array
  /** No less than the distance to the own centre, and no more than that to any other. */
  readonly #upper: Float64Array
  readonly #lower: Float64Array

  constructor(points: Points, centres: Float64Array) {
    this.#points = points
    this.#rows = points.data.length / points.dimension
    this.#centres = centres
    this.#k = centres.length / points.dimension
    this.#sums = new Float64Array(centres.length)
    this.#counts = new Int32Array(this.#k)
    this.#clusters = new Int32Array(this.#rows).fill(-1)
    this.#upper = new Float64Array(this.#rows).fill(Number.POSITIVE_INFINITY)
    this.#lower = new Float64Array(this.#rows)
  }

  /** Give every point to its nearest centre. @returns how many points changed. */
  assign(): number {
    const halfGaps = this.#halfGaps()
    let moved = 0
    for (let row = 0; row < this.#rows; row++) {
      const cluster = this.#clusters[row] as number // row < rows, here and below
      const bound = Math.max(cluster === -1 ? 0 : (halfGaps[cluster] as number), this.#lower[row] as number)
      if ((this.#upper[row] as number) <= bound) continue
      if (cluster !== -1) {
        this.#upper[row] = Math.sqrt(this.#squaredDistance(row, cluster))
        if ((this.#upper[row] as number) <= bound) continue
      }
      if (this.#findNearest(row)) moved++
    }
    return moved
  }

  /** Each centre to the mean of its points; an empty one stays. @returns the sum of the squared shifts. */
  moveCentres(): number {
    const { dimension } = this.#points
    const shifts = new Float64Array(this.#k)
    for (let c = 0; c < this.#k; c++) {
      const count = this.#counts[c] as number // c < k
      if (count === 0) continue
      let squares = 0
      for (let i = c * dimension; i < (c + 1) * dimension; i++) {
        const next = (this.#sums[i] as number) / count
        squares += (next - (this.#centres[i] as number)) ** 2
        this.#centres[i] = next
      }
      shifts[c] = Math.sqrt(squares)
    }
    const largest = Math.max(...shifts)
    for (let row = 0; row < this.#rows; row++) {
      this.#upper[row] = (this.#upper[row] as number) + (shifts[this.#clusters[row] as number] as number)
      this.#lower[row] = (this.#lower[row] as number) - largest
    }
    return shifts.reduce((sum, shift) => sum + shift * shift, 0)
  }

  result(): Clustering {
    this.assign()
    const inertia = this.#clusters.reduce((sum, cluster, row) => sum + this.#squaredDistance(row, cluster), 0)
    return { clusters: this.#clusters, inertia }
  }

  /** @returns whether the point changed its cluster. */
  #findNearest(row: number): boolean {
    let nearest = -1
    let least = Number.POSITIVE_INFINITY
    let second = Number.POSITIVE_INFINITY
    for (let c = 0; c < this.#k; c++) {
      const distance = this.#squaredDistance(row, c)
      if (distance < least) {
        second = least
        least = distance
        nearest = c
      } else if (distance < second) second = distance
    }
    this.#upper[row] = Math.sqrt(least)
    this.#lower[row] = Math.sqrt(second)
    const before = this.#clusters[row] as number
    if (before === nearest) return false
    if (before !== -1) this.#count(row, before, -1)
    this.#count(row, nearest, 1)
    this.#clusters[row] = nearest
    return true
  }

  #count(row: number, cluster: number, sign: 1 | -1): void {
    const { data, dimension } = this.#points
    this.#counts[cluster] = (this.#counts[cluster] as number) + sign
    const from = row * dimension
    const to = cluster * dimension
    for (let i = 0; i < dimension; i++) {
      this.#sums[to + i] = (this.#sums[to + i] as number) + sign * (data[from + i] as number)
    }
  }

  /** Half the distance from each centre to its nearest neighbour. */
  #halfGaps(): Float64Array {
    const { dimension } = this.#points
    const gaps = new Float64Array(this.#k).fill(Number.POSITIVE_INFINITY)
    for (let a = 0; a < this.#k; a++) {
      for (let b = 0; b < a; b++) {
        let squares = 0
        for (let i = 0; i < dimension; i++) {
          squares += ((this.#centres[a * dimension + i] as number) - (this.#centres[b * dimension + i] as number)) ** 2
        }
        const half = Math.sqrt(squares) / 2
        gaps[a] = Math.min(gaps[a] as number, half)
        gaps[b] = Math.min(gaps[b] as number, half)
      }
    }
    return gaps
  }

  #squaredDistance(row: number, cluster: number): number {
    const { data, dimension } = this.#points
    return squaredDistance(data, row * dimension, { to: this.#centres, at: cluster * dimension, dimension })
  }
}

/** Four sums at a time, which a processor can add side by side; in double precision. */
function squaredDistance(
  from: Float32Array,
  start: number,
  { to, at, dimension }: { to: Float32Array | Float64Array; at: number; dimension: number },
): number {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  let i = 0
  for (; i + 3 < dimension; i += 4) {
    // Both hold `dimension` components from their start on.
    const d0 = (from[start + i] as number) - (to[at + i] as number)
    const d1 = (from[start + i + 1] as number) - (to[at + i + 1] as number)
    const d2 = (from[start + i + 2] as number) - (to[at + i + 2] as number)
    const d3 = (from[start + i + 3] as number) - (to[at + i + 3] as number)
    s0 += d0 * d0
    s1 += d1 * d1
    s2 += d2 * d2
    s3 += d3 * d3
  }
  for (; i < dimension; i++) s0 += ((from[start + i] as number) - (to[at + i] as number)) ** 2
  return s0 + s1 + s2 + s3
}

function squaredDistancesTo({ data, dimension }: Points, target: number): Float64Array {
  const distances = new Float64Array(data.length / dimension)
  for (let row = 0; row < distances.length; row++) {
    distances[row] = squaredDistance(data, row * dimension, { to: data, at: target * dimension, dimension })
  }
  return distances
}

function meanVariance({ data, dimension }: Points): number {
  const rows = data.length / dimension
  const sums = new Float64Array(dimension)
  let squares = 0
  data.forEach((value, index) => {
    sums[index % dimension] = (sums[index % dimension] as number) + value
    squares += value * value
  })
  return (squares - sums.reduce((sum, value) => sum + (value * value) / rows, 0)) / rows / dimension
}

function rowOf({ data, dimension }: Points, row: number): Float32Array {
  return data.subarray(row * dimension, (row + 1) * dimension)
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0)
}
