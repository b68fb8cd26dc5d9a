import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeJson } from './encode-json.js'

test('any JSON reads back as itself, its numbers as float32', () => {
  const cast = (text: string) =>
    JSON.stringify(JSON.parse(text, (_key, value) => (typeof value === 'number' ? Math.fround(value) : value)))
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(cast(encodeJson(value).toString())).toBe(cast(JSON.stringify(value)))
    }),
    { numRuns: 1000 },
  )
})

test('lists of texts, of whole numbers and of records are written as their elements would be alone', () => {
  const lists = fc.oneof(
    fc.array(fc.string({ unit: 'binary' })),
    fc.array(fc.integer()),
    fc.array(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true })))),
  )
  fc.assert(
    fc.property(lists, (list) => {
      const alone = list.map((element) => encodeJson({ element }).toString().slice('{"element":'.length, -1))
      expect(encodeJson(list).toString()).toBe(`[${alone.join(',')}]`)
    }),
    { numRuns: 500 },
  )
})

test('a sparse term has the digits of its float32', () => {
  const terms = [{ index: 7, value: Math.fround(0.1), token: '风' }]
  expect(encodeJson(terms).toString()).toBe('[{"index":7,"value":0.1,"token":"风"}]')
  expect(encodeJson([{ value: -0 }, JSON.parse('{"__proto__":0.5}')]).toString()).toBe(
    '[{"value":-0.0},{"__proto__":0.5}]',
  )
})

test('text is written as JSON.stringify writes it', () => {
  const value = {
    'ключ "1"': ['风\n\u0000\ud800', '😀', ''],
    empty: {},
    none: [],
    no: null,
    yes: true,
    gone: undefined,
  }
  expect(encodeJson(value).toString()).toBe(JSON.stringify(value))
})

test('vectors are lists, bytes are base64, and both stand where they stood', () => {
  const answer = {
    before: 'x',
    data: [
      { embedding: Float32Array.of(0.1, -0.5), index: 0 },
      { embedding: Buffer.from('hello'), index: 1 },
    ],
    after: [Float32Array.of()],
  }
  expect(encodeJson(answer).toString()).toBe(
    '{"before":"x","data":[{"embedding":[0.1,-0.5],"index":0},{"embedding":"aGVsbG8=","index":1}],"after":[[]]}',
  )
})

test('a fraction that is a float32 has its digits, any other number all of its own', () => {
  expect(encodeJson([Math.fround(0.1), 0.1, 1 / 3, 1e21, 2 ** 53, 0.5]).toString()).toBe(
    '[0.1,0.1,0.3333333333333333,1e+21,9007199254740992,0.5]',
  )
})

test.each([[NaN], [{ value: Infinity }], [Float32Array.of(NaN)]])('%s is refused', (value) => {
  expect(() => encodeJson(value)).toThrow(RangeError)
})

test('what is no JSON is refused', () => {
  expect(() => encodeJson({ id: 1n })).toThrow('a bigint is no JSON')
})
