import { expect, test } from 'vitest'
import { shorten } from '../vector/vector.js'
import { compare } from './compare.js'

/** Unit vectors from a fixed stream of numbers. */
function vectors(count: number, dimension: number, seed = 1): Float32Array[] {
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return state / 2 ** 31
  }
  return Array.from({ length: count }, () => shorten(Float32Array.from({ length: dimension }, next), dimension))
}

/** Each vector turned by the same small angle towards another one: its cosine with the original is `cosine`. */
const off = (all: readonly Float32Array[], cosine: number) =>
  all.map((vector, i) => {
    const other = all[(i + 1) % all.length] as Float32Array
    const along = vector.reduce((sum, value, j) => sum + value * (other[j] as number), 0)
    const across = shorten(
      other.map((value, j) => value - along * (vector[j] as number)),
      vector.length,
    )
    return vector.map((value, j) => cosine * value + Math.sqrt(1 - cosine ** 2) * (across[j] as number))
  })

const ALL = vectors(12, 64)

test('equal vectors are one space, in everything', () => {
  expect(compare(ALL, ALL, { neighbours: 5 })).toMatchObject({
    verdict: 'same space',
    leastCosine: expect.closeTo(1, 12),
    agreement: 1,
    neighbours: 5,
    spearman: expect.closeTo(1, 12),
  })
})

test.each([
  [0.99995, 'same space'],
  [0.9998, 'same model, other arithmetic'],
  [0.985, 'same model, other arithmetic'],
  [0.97, 'different'],
])('a cosine of %f is: %s', (cosine, verdict) => {
  const compared = compare(ALL, off(ALL, cosine), { neighbours: 5 })
  expect(compared.verdict).toBe(verdict)
  expect(compared.leastCosine).toBeCloseTo(cosine, 5)
})

test('one text that is off makes the whole different', () => {
  const there = [...ALL.slice(0, -1), ALL[0] as Float32Array]
  expect(compare(ALL, there, { neighbours: 3 }).verdict).toBe('different')
})

test('vectors of other dimension are different, and their neighbours are compared all the same', () => {
  const longer = ALL.map((vector) => Float32Array.from({ length: 128 }, (_, i) => vector[i] ?? 0))
  const compared = compare(ALL, longer, { neighbours: 20 })
  expect(compared).toMatchObject({ verdict: 'different', agreement: 1, neighbours: 11, spearman: expect.closeTo(1, 6) })
  expect(compared.cosines).toBeUndefined()
})

test('other models agree on little', () => {
  const compared = compare(ALL, vectors(12, 64, 99), { neighbours: 3 })
  expect(compared.verdict).toBe('different')
  expect(compared.agreement).toBeLessThan(0.6)
})

test('one text has no neighbours and no ranks', () => {
  const [only] = vectors(1, 8)
  const compared = compare([only as Float32Array], [only as Float32Array], { neighbours: 5 })
  expect(compared).toMatchObject({ verdict: 'same space', agreement: 1, neighbours: 0 })
  expect(compared.spearman).toBeUndefined()
})

test('nothing to compare is a mistake', () => {
  expect(() => compare([], [], { neighbours: 1 })).toThrow(RangeError)
  expect(() => compare(ALL, ALL.slice(1), { neighbours: 1 })).toThrow('12 and 11')
})
