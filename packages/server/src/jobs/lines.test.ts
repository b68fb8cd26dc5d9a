import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type InputLine, linesOf } from './lines.js'

async function split(chunks: readonly Uint8Array[], options: Parameters<typeof linesOf>[1] = { maxLineBytes: 100 }) {
  async function* source() {
    yield* chunks
  }
  const lines: InputLine[] = []
  for await (const group of linesOf(source(), options)) lines.push(...group)
  return lines.map(({ index, startByte, bytes }) => [index, startByte, bytes?.toString()])
}
const text = (value: string) => [Buffer.from(value)]

test('lines end with either end, blank ones count, an end behind the last begins none', async () => {
  expect(await split(text('a\r\n\n好\nlast'))).toEqual([
    [0, 0, 'a'],
    [1, 3, ''],
    [2, 4, '好'],
    [3, 8, 'last'],
  ])
  expect(await split(text('a\nb\n'))).toEqual([
    [0, 0, 'a'],
    [1, 2, 'b'],
  ])
  expect(await split(text('\n'))).toEqual([[0, 0, '']])
  expect(await split(text(''))).toEqual([])
})

test('a line over the limit is said, and not kept', async () => {
  expect(await split(text('abc\nabcd\r\nabcde\nx'), { maxLineBytes: 4 })).toEqual([
    [0, 0, 'abc'],
    [1, 4, 'abcd'],
    [2, 10, undefined],
    [3, 16, 'x'],
  ])
})

test('counting goes on from where the source begins', async () => {
  expect(await split(text('c\nd'), { maxLineBytes: 9, startByte: 4, firstLine: 2 })).toEqual([
    [2, 4, 'c'],
    [3, 6, 'd'],
  ])
})

test('where the chunks are cut makes no difference', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('a', '好', '\n', '\r\n', 'bc', '\r'), { maxLength: 30 }),
      fc.array(fc.nat(12), { maxLength: 20 }),
      async (parts, cuts) => {
        const whole = Buffer.from(parts.join(''))
        const chunks: Buffer[] = []
        let at = 0
        for (const cut of cuts) {
          chunks.push(whole.subarray(at, at + cut))
          at += cut
        }
        chunks.push(whole.subarray(at))
        const options = { maxLineBytes: 3 }
        expect(await split(chunks, options)).toEqual(await split([whole], options))
      },
    ),
  )
})
