import fc from 'fast-check'
import { expect, test } from 'vitest'
import { groupSimilar } from './similar-groups.js'
import { shorten } from './vector.js'

const { signal } = new AbortController()
const at = (degrees: number) =>
  Float32Array.of(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180))

test('near ones are together, also by a chain; lone ones are in no group; the largest group is first', async () => {
  const vectors = [0, 90, 5, 180, 10, 92].map(at)
  const threshold = Math.cos((6 * Math.PI) / 180)
  expect(await groupSimilar(vectors, { threshold, signal })).toEqual([
    [0, 2, 4],
    [1, 5],
  ])
  expect(await groupSimilar([], { threshold, signal })).toEqual([])
})

test('every pair that is near enough is in one group', async () => {
  const vector = fc.float32Array({ minLength: 3, maxLength: 3, noNaN: true, min: -1, max: 1 })
  await fc.assert(
    fc.asyncProperty(fc.array(vector, { maxLength: 12 }), async (raw) => {
      const vectors = raw.map((components) => shorten(components, 3))
      const groups = await groupSimilar(vectors, { threshold: 0.9, signal })
      for (const [a, one] of vectors.entries()) {
        for (const [b, other] of vectors.entries()) {
          const cosine = one.reduce((sum, component, i) => sum + component * (other[i] ?? 0), 0)
          if (a !== b && cosine > 0.9001)
            expect(groups.some((group) => group.includes(a) && group.includes(b))).toBe(true)
        }
      }
    }),
  )
})

test('it can be stopped', async () => {
  const stopped = AbortSignal.abort(new Error('stopped'))
  const many = Array.from({ length: 20_000 }, (_, i) => at(i / 100))
  await expect(groupSimilar(many, { threshold: 2, signal: stopped })).rejects.toThrow('stopped')
})
