import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cosine, dot, norm, shorten, weightedMean } from './vector.js'

const vectors = fc
  .float32Array({ minLength: 2, maxLength: 64, noNaN: true, min: -1000, max: 1000 })
  .filter((vector) => norm(vector) > 1e-3)

test('shorten keeps the first components and restores unit length', () => {
  expect(Array.from(shorten(Float32Array.of(3, 4, 12), 2))).toEqual([Math.fround(0.6), Math.fround(0.8)])
})

test('a shortened vector has unit length and points where the prefix does', () => {
  fc.assert(
    fc.property(vectors, fc.nat(), (vector, seed) => {
      const dimension = 1 + (seed % vector.length)
      const prefix = vector.slice(0, dimension)
      fc.pre(norm(prefix) > 1e-3)
      const short = shorten(vector, dimension)
      expect(norm(short)).toBeCloseTo(1, 5)
      expect(cosine(short, prefix)).toBeCloseTo(1, 5)
    }),
  )
})

test('a zero vector stays zero', () => {
  expect(Array.from(shorten(new Float32Array(4), 3))).toEqual([0, 0, 0])
  expect(cosine(new Float32Array(2), Float32Array.of(1, 0))).toBe(0)
})

test.each([0, -1, 1.5, 5, Number.NaN])('a dimension of %s of four components is refused', (dimension) => {
  expect(() => shorten(Float32Array.of(1, 2, 3, 4), dimension)).toThrow(RangeError)
})

test('vectors of different dimension have no inner product', () => {
  expect(() => dot(Float32Array.of(1), Float32Array.of(1, 2))).toThrow('dimensions differ: 1 and 2')
})

test('a weighted mean counts each vector as often as its weight', () => {
  const mean = weightedMean([Float32Array.of(1, 0), Float32Array.of(0, 1)], [3, 1])
  expect(Array.from(mean)).toEqual([0.75, 0.25])
  expect(() => weightedMean([], [])).toThrow(RangeError)
})
