import { expect, test } from 'vitest'
import { kMeans } from './k-means.js'
import { createRandom } from './random.js'

const random = createRandom(42)
const CUBE = { data: Float32Array.from({ length: 600 }, random), dimension: 3 }

// Expected values: sklearn.cluster 1.9.1, KMeans(k, n_init=50), the best of three seeds on the same 200 points.
test.each([
  [2, 34.61009216],
  [3, 26.84896088],
  [5, 17.85678482],
])('finds the tightest %i clusters that scikit-learn finds', (k, inertia) => {
  expect(kMeans(CUBE, { k, seed: 1, restarts: 50 }).inertia).toBeCloseTo(inertia, 2)
})

test('separates groups that lie apart', () => {
  const points = { data: Float32Array.of(0, 0, 9, 9, 0.1, 0, 9, 9.1, 0, 0.1, 9.1, 9), dimension: 2 }
  const [a, b, ...rest] = kMeans(points, { k: 2, seed: 3, restarts: 1 }).clusters
  expect(a).not.toBe(b)
  expect(rest).toEqual([a, b, a, b])
})

test('the same seed gives the same clusters', () => {
  const once = kMeans(CUBE, { k: 4, seed: 5, restarts: 2 })
  expect(kMeans(CUBE, { k: 4, seed: 5, restarts: 2 })).toEqual(once)
})

test('every point is nearest to its own cluster', () => {
  const { clusters, inertia } = kMeans(CUBE, { k: 4, seed: 9, restarts: 1, maxIterations: 500 })
  const centres = [0, 1, 2, 3].map((cluster) => centreOf(cluster, clusters))
  let sum = 0
  for (let row = 0; row < 200; row++) {
    const distances = centres.map((centre) =>
      centre.reduce((s, c, i) => s + (c - (CUBE.data[row * 3 + i] ?? 0)) ** 2, 0),
    )
    const own = distances[clusters[row] ?? 0] ?? 0
    sum += own
    expect(own).toBeLessThan(Math.min(...distances) + 1e-3)
  }
  expect(inertia).toBeCloseTo(sum, 1)
})

test('as many clusters as points leave no distance', () => {
  const points = { data: Float32Array.of(1, 2, 4, 8), dimension: 1 }
  expect(kMeans(points, { k: 4, seed: 1, restarts: 5 }).inertia).toBeCloseTo(0, 12)
})

test('more clusters than points are refused', () => {
  expect(() => kMeans({ data: Float32Array.of(1, 2), dimension: 1 }, { k: 3, seed: 1, restarts: 1 })).toThrow(
    RangeError,
  )
})

function centreOf(cluster: number, clusters: Int32Array): number[] {
  const rows = [...clusters.keys()].filter((row) => clusters[row] === cluster)
  return [0, 1, 2].map((i) => rows.reduce((sum, row) => sum + (CUBE.data[row * 3 + i] ?? 0), 0) / rows.length)
}
