import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BlobStore } from './blob-store.js'

const { signal } = new AbortController()
const LIMIT = { maxBytes: 1 << 30, signal }

async function* chunksOf(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function keysOf(keys: AsyncIterable<string>): Promise<string[]> {
  const all = []
  for await (const key of keys) all.push(key)
  return all.toSorted()
}

/** What every blob store promises; each implementation calls this with a way to open an empty one. */
export function blobStoreSuite(name: string, open: () => Promise<{ store: BlobStore; close(): Promise<void> }>): void {
  describe(`${name} as a blob store`, () => {
    let store: BlobStore
    let close: () => Promise<void>
    beforeAll(async () => {
      ;({ store, close } = await open())
    })
    afterAll(() => close())

    test('what was written is read back, with its size and hash', async () => {
      const receipt = await store.write('kept/one.txt', chunksOf('风急', '', '天高'), LIMIT)
      expect(receipt).toEqual({ bytes: 12, sha256: createHash('sha256').update('风急天高').digest('hex') })
      expect(await textOf(store.read('kept/one.txt', { signal }))).toBe('风急天高')
      expect(await store.stat('kept/one.txt')).toEqual({ bytes: 12 })
    })

    test('no bytes are a blob too', async () => {
      await store.write('kept/empty', chunksOf(), LIMIT)
      expect(await store.stat('kept/empty')).toEqual({ bytes: 0 })
      expect(await textOf(store.read('kept/empty', { signal }))).toBe('')
    })

    test('ranges are half open and end with the blob', async () => {
      await store.write('kept/range', chunksOf('0123456789'), LIMIT)
      const range = (start?: number, end?: number) =>
        textOf(
          store.read('kept/range', {
            signal,
            ...(start !== undefined && { start }),
            ...(end !== undefined && { end }),
          }),
        )
      expect(await range(2, 5)).toBe('234')
      expect(await range(7)).toBe('789')
      expect(await range(undefined, 3)).toBe('012')
      expect(await range(8, 100)).toBe('89')
      expect(await range(4, 4)).toBe('')
      expect(await range(10)).toBe('')
    })

    test('large blobs come back as they were', async () => {
      const part = Buffer.alloc(1_000_003, 'abcdefg')
      const parts = Array.from({ length: 13 }, () => part)
      const { bytes, sha256 } = await store.write('kept/large', chunksOf(...parts), LIMIT)
      const hash = createHash('sha256')
      for await (const chunk of store.read('kept/large', { signal })) hash.update(chunk)
      expect([bytes, hash.digest('hex')]).toEqual([13_000_039, sha256])
    })

    test('a second write takes the place of the first', async () => {
      await store.write('kept/twice', chunksOf('a longer first'), LIMIT)
      await store.write('kept/twice', chunksOf('second'), LIMIT)
      expect(await textOf(store.read('kept/twice', { signal }))).toBe('second')
    })

    test('a write over the limit is refused, keeps nothing, and closes its source', async () => {
      let isClosed = false
      async function* endless() {
        try {
          for (;;) yield Buffer.alloc(1000)
        } finally {
          isClosed = true
        }
      }
      const written = store.write('kept/too-large', endless(), { maxBytes: 12_345, signal })
      await expect(written).rejects.toMatchObject({ row: 'body_too_large' })
      expect(isClosed).toBe(true)
      expect(await store.stat('kept/too-large')).toBeUndefined()
      await store.write('kept/exactly', chunksOf('12345'), { maxBytes: 5, signal })
      expect(await store.stat('kept/exactly')).toEqual({ bytes: 5 })
    })

    test('a source that fails leaves what was there before', async () => {
      await store.write('kept/before', chunksOf('before'), LIMIT)
      async function* failing() {
        yield Buffer.from('half of')
        throw new Error('the sender has gone')
      }
      await expect(store.write('kept/before', failing(), LIMIT)).rejects.toThrow('the sender has gone')
      await expect(store.write('kept/never', failing(), LIMIT)).rejects.toThrow('the sender has gone')
      expect(await textOf(store.read('kept/before', { signal }))).toBe('before')
      expect(await store.stat('kept/never')).toBeUndefined()
    })

    test('an aborted write keeps nothing', async () => {
      const controller = new AbortController()
      async function* aborted() {
        yield Buffer.from('some')
        controller.abort(new Error('no longer wanted'))
        yield Buffer.from('more')
      }
      const written = store.write('kept/aborted', aborted(), { maxBytes: 100, signal: controller.signal })
      await expect(written).rejects.toThrow('no longer wanted')
      expect(await store.stat('kept/aborted')).toBeUndefined()
    })

    test('what was never written, or deleted, is not there; deleting twice is no error', async () => {
      await store.write('kept/gone', chunksOf('x'), LIMIT)
      await store.delete('kept/gone')
      await store.delete('kept/gone')
      await store.delete('never/was')
      expect(await store.stat('kept/gone')).toBeUndefined()
      await expect(textOf(store.read('kept/gone', { signal }))).rejects.toMatchObject({ row: 'not_found' })
    })

    test('a prefix lists its keys, whole folders or parts of names', async () => {
      for (const key of ['list/a', 'list/b/c', 'list/b/cc', 'list/bb', 'listed']) {
        await store.write(key, chunksOf(key), LIMIT)
      }
      expect(await keysOf(store.list('list/'))).toEqual(['list/a', 'list/b/c', 'list/b/cc', 'list/bb'])
      expect(await keysOf(store.list('list/b'))).toEqual(['list/b/c', 'list/b/cc', 'list/bb'])
      expect(await keysOf(store.list('list/b/'))).toEqual(['list/b/c', 'list/b/cc'])
      expect(await keysOf(store.list('list/z'))).toEqual([])
      expect(await keysOf(store.list('nowhere/'))).toEqual([])
    })

    test('many writers at once do not disturb each other', async () => {
      const keys = Array.from({ length: 20 }, (_, i) => `many/${i}`)
      await Promise.all(keys.map((key) => store.write(key, chunksOf(key, key), LIMIT)))
      for (const key of keys) expect(await textOf(store.read(key, { signal }))).toBe(key + key)
      const same = ['one', 'two', 'three', 'four']
      await Promise.all(same.map((text) => store.write('many/same', chunksOf(text), LIMIT)))
      expect(same).toContain(await textOf(store.read('many/same', { signal })))
    })

    test('a write in progress shows nothing, and is not swept while it is young', async () => {
      let isSwept = -1
      async function* slow() {
        yield Buffer.from('first ')
        expect(await store.stat('kept/slow')).toBeUndefined()
        isSwept = await store.sweepUnfinished(new Date(Date.now() - 3_600_000))
        yield Buffer.from('second')
      }
      await store.write('kept/slow', slow(), LIMIT)
      expect(isSwept).toBe(0)
      expect(await textOf(store.read('kept/slow', { signal }))).toBe('first second')
    })

    test.each([
      '',
      '/',
      '../x',
      'a/../b',
      'a//b',
      '.hidden',
      'a/.b',
      '/a',
      'a/',
      'A',
      'a b',
      'a\0',
      'a\\b',
      'ä',
      'a%2fb',
    ])('no key: %j', async (key) => {
      await expect(store.write(key, chunksOf('x'), LIMIT)).rejects.toThrow(RangeError)
      await expect(textOf(store.read(key, { signal }))).rejects.toThrow(RangeError)
      await expect((async () => store.stat(key))()).rejects.toThrow(RangeError)
      await expect((async () => store.delete(key))()).rejects.toThrow(RangeError)
    })
  })
}
