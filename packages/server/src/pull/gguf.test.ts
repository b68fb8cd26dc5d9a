import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { GgufError, readGguf } from './gguf.js'
import { array, ggufBytes, string, uint32 } from './gguf.test.support.js'

const folder = mkdtempSync(join(tmpdir(), 'quiver-gguf-'))
afterAll(() => rmSync(folder, { recursive: true }))

const read = async (bytes: Buffer, arrays: string[] = []) => {
  const path = join(folder, 'model.gguf')
  writeFileSync(path, bytes)
  return readGguf(path, { arrays: new Set(arrays) })
}
const SOUND = ggufBytes({
  'general.architecture': string('qwen3'),
  'tokenizer.ggml.tokens': array(8, [string('a'), string('é')]),
  'tokenizer.ggml.scores': array(6, [Buffer.alloc(4), Buffer.alloc(4)]),
  'qwen3.embedding_length': uint32(1024),
})

test('metadata are read, lists only where they are wanted', async () => {
  expect(Object.fromEntries(await read(SOUND))).toEqual({
    'general.architecture': 'qwen3',
    'qwen3.embedding_length': 1024,
  })
  expect((await read(SOUND, ['tokenizer.ggml.tokens'])).get('tokenizer.ggml.tokens')).toEqual(['a', 'é'])
})

test('reading ends when enough is known, before what is broken behind it', async () => {
  const path = join(folder, 'cut.gguf')
  writeFileSync(path, SOUND.subarray(0, 24 + 8 + 20 + 4 + 8 + 5))
  await expect(readGguf(path)).rejects.toThrow(/breaks off/)
  const enough = await readGguf(path, { isEnough: (metadata) => metadata.has('general.architecture') })
  expect(enough.get('general.architecture')).toBe('qwen3')
})

test('every scalar type is read', async () => {
  const of = (type: number, bytes: number[]) => ({ type, bytes: Buffer.from(bytes) })
  const metadata = await read(
    ggufBytes({
      u8: of(0, [255]),
      i8: of(1, [255]),
      u16: of(2, [1, 1]),
      i16: of(3, [254, 255]),
      i32: of(5, [254, 255, 255, 255]),
      f32: of(6, [0, 0, 0xc0, 0x3f]),
      bool: of(7, [1]),
      u64: of(10, [0, 0, 0, 0, 1, 0, 0, 0]),
      i64: of(11, [255, 255, 255, 255, 255, 255, 255, 255]),
      f64: of(12, [0, 0, 0, 0, 0, 0, 0xf8, 0x3f]),
    }),
  )
  expect(Object.fromEntries(metadata)).toEqual({
    u8: 255,
    i8: -1,
    u16: 257,
    i16: -2,
    i32: -2,
    f32: 1.5,
    bool: true,
    u64: 2n ** 32n,
    i64: -1n,
    f64: 1.5,
  })
})

describe('a file that is not sound is refused, saying why', () => {
  const huge = (bytes: Buffer, offset: number) => {
    const copy = Buffer.from(bytes)
    copy.writeBigUInt64LE(2n ** 63n, offset)
    return copy
  }
  test.each<[string, Buffer, RegExp]>([
    ['an empty file', Buffer.alloc(0), /breaks off/],
    ['another format', Buffer.from('PK\x03\x04 and much more than that'), /no GGUF file/],
    ['version 1', Buffer.concat([Buffer.from('GGUF'), Buffer.from([1, 0, 0, 0]), Buffer.alloc(16)]), /version is 1/],
    ['a count of keys beyond all reason', huge(SOUND, 16), /9223372036854775808 keys; at most 10000/],
    ['a key longer than any', huge(SOUND, 24), /bytes of a key/],
    ['a text longer than any', huge(SOUND, 24 + 8 + 20 + 4), /bytes of a text/],
    ['a value of no type', ggufBytes({ a: { type: 13, bytes: Buffer.alloc(8) } }), /unknown type 13/],
    ['a list in a list', ggufBytes({ a: array(9, [Buffer.alloc(16)]) }), /unknown type 9/],
    [
      'a list longer than the file',
      ggufBytes({ a: { type: 9, bytes: Buffer.from([6, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]) }, b: uint32(1) }),
      /breaks off/,
    ],
    [
      'a list longer than any',
      ggufBytes({ a: { type: 9, bytes: Buffer.from([6, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]) } }),
      /items of a list/,
    ],
    ['one key twice', Buffer.concat([twice()]), /general.name twice/],
  ])('%s', async (_, bytes, message) => {
    await expect(read(bytes, ['a'])).rejects.toThrow(GgufError)
    await expect(read(bytes, ['a'])).rejects.toThrow(message)
  })

  function twice(): Buffer {
    const one = ggufBytes({ 'general.name': string('x') })
    const both = Buffer.concat([one, one.subarray(24)])
    both.writeBigUInt64LE(2n, 16)
    return both
  }
})

test('cut off anywhere, it breaks off; never a wrong value, a hang or another error', async () => {
  for (let bytes = 0; bytes < SOUND.length; bytes++) {
    await expect(read(SOUND.subarray(0, bytes), ['tokenizer.ggml.tokens'])).rejects.toThrow(GgufError)
  }
})

test('a file with any byte changed is read or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(SOUND.length - 1), fc.nat(255), async (place, byte) => {
      const changed = Buffer.from(SOUND)
      changed[place] = byte
      const outcome = await read(changed, ['tokenizer.ggml.tokens']).catch((error: unknown) => error)
      expect(outcome instanceof Map || outcome instanceof GgufError).toBe(true)
    }),
    { numRuns: 300 },
  )
})

test('a file that is not there is an error of its own', async () => {
  await expect(readGguf(join(folder, 'none.gguf'))).rejects.toThrow(/cannot be read \(ENOENT\)/)
})
