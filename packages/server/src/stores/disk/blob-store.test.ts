import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import * as nodeFs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { blobStoreSuite } from '../../files/blob-store.suite.js'
import { type BlobFs, createDiskBlobStore } from './blob-store.js'

const folders: string[] = []
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), 'quiver-blobs-'))
  folders.push(made)
  return made
}
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true })
})

const { signal } = new AbortController()
const LIMIT = { maxBytes: 1_000_000, signal }

async function* parts(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

blobStoreSuite('a folder', async () => {
  const root = mkdtempSync(join(tmpdir(), 'quiver-blobs-'))
  return { store: createDiskBlobStore(root), close: () => nodeFs.rm(root, { recursive: true }) }
})

/** A file system whose k-th call, of any kind, goes wrong. Short: a write takes a byte less, and no call fails. */
function faultyFs(k: number, fault: 'ENOSPC' | 'EIO' | 'short'): { fs: BlobFs; calls: () => number } {
  let calls = 0
  const isDue = () => ++calls === k
  const fail = (): never => {
    throw Object.assign(new Error(`${fault}: made by the test`), { code: fault })
  }
  const step = <Result>(work: () => Promise<Result>): Promise<Result> =>
    isDue() && fault !== 'short' ? Promise.reject(toError(fail)) : work()
  const fs: BlobFs = {
    ...nodeFs,
    open: async (path, flags, mode) => wrap(await step(() => nodeFs.open(path, flags, mode))),
    mkdir: ((path: string, options: { recursive: true }) => step(() => nodeFs.mkdir(path, options))) as BlobFs['mkdir'],
    rename: (from, to) => step(() => nodeFs.rename(from, to)),
  }
  function wrap(file: nodeFs.FileHandle): nodeFs.FileHandle {
    return new Proxy(file, {
      get(target, name) {
        if (name === 'write') {
          return (chunk: Uint8Array, at: number, length: number) => {
            const isShort = isDue()
            if (isShort && fault !== 'short') return Promise.reject(toError(fail))
            return target.write(chunk, at, isShort && length > 1 ? length - 1 : length)
          }
        }
        if (name === 'sync') return () => step(() => target.sync())
        // Closing fails after the descriptor is gone, as close(2) does.
        if (name === 'close') return () => target.close().then(() => step(() => Promise.resolve()))
        const value = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
  return { fs, calls: () => calls }
}

function toError(fail: () => never): unknown {
  try {
    return fail()
  } catch (error) {
    return error
  }
}

async function stepsOfOneWrite(): Promise<number> {
  const { fs, calls } = faultyFs(0, 'EIO')
  await createDiskBlobStore(join(folder(), 'blobs'), fs).write('a/b', parts('one ', 'two'), LIMIT)
  return calls()
}

test.each(['ENOSPC', 'EIO'] as const)(
  '%s at any step fails the write, which then shows the old blob or the new',
  async (fault) => {
    const steps = await stepsOfOneWrite()
    expect(steps).toBeGreaterThan(12)
    for (let k = 1; k <= steps; k++) {
      const root = join(folder(), 'blobs')
      const sound = createDiskBlobStore(root)
      const first = createDiskBlobStore(root, faultyFs(k, fault).fs)
      await expect(first.write('a/b', parts('one ', 'two'), LIMIT)).rejects.toThrow(fault)
      // Only a fault behind the rename leaves it visible, and then whole.
      if ((await sound.stat('a/b')) !== undefined) expect(await textOf(sound.read('a/b', { signal }))).toBe('one two')

      await sound.write('a/b', parts('before'), LIMIT)
      const again = faultyFs(k, fault)
      const outcome = await createDiskBlobStore(root, again.fs)
        .write('a/b', parts('one ', 'two'), LIMIT)
        .then(
          () => 'written',
          () => 'failed',
        )
      expect(outcome).toBe(again.calls() >= k ? 'failed' : 'written')
      expect(['before', 'one two']).toContain(await textOf(sound.read('a/b', { signal })))
      expect(readdirSync(join(root, '.unfinished'))).toEqual([])
      await sound.write('a/b', parts('after'), LIMIT)
      expect(await textOf(sound.read('a/b', { signal }))).toBe('after')
    }
  },
)

test('a short write at any step loses no byte', async () => {
  const steps = await stepsOfOneWrite()
  for (let k = 1; k <= steps; k++) {
    const store = createDiskBlobStore(join(folder(), 'blobs'), faultyFs(k, 'short').fs)
    const receipt = await store.write('a/b', parts('one ', 'two'), LIMIT)
    expect(receipt.bytes).toBe(7)
    expect(await textOf(store.read('a/b', { signal }))).toBe('one two')
  }
})

test('a disk that takes nothing is an error, not an endless loop', async () => {
  const fs: BlobFs = {
    ...nodeFs,
    open: async (...args) => {
      const file = await nodeFs.open(...args)
      return Object.assign(file, { write: async (buffer: Uint8Array) => ({ bytesWritten: 0, buffer }) })
    },
  }
  const store = createDiskBlobStore(folder(), fs)
  await expect(store.write('a', parts('x'), LIMIT)).rejects.toThrow('took none')
})

test('every new name is flushed: the file, its folder, and each folder that was made', async () => {
  const synced: string[] = []
  const fs: BlobFs = {
    ...nodeFs,
    open: async (path, flags, mode) => {
      const file = await nodeFs.open(path, flags, mode)
      const sync = file.sync.bind(file)
      return Object.assign(file, {
        sync: () => {
          synced.push(String(path))
          return sync()
        },
      })
    },
  }
  const home = folder()
  await createDiskBlobStore(join(home, 'blobs'), fs).write('a/b/c', parts('x'), LIMIT)
  const names = synced.map((path) => path.slice(home.length).replace(/[0-9a-f-]{36}/, 'TEMPORARY'))
  expect(names).toEqual([
    '/blobs', // holds the new .unfinished
    '', // holds the new blobs
    '/blobs/.unfinished/TEMPORARY',
    '/blobs/a', // holds the new b
    '/blobs', // holds the new a
    '/blobs/a/b', // holds c
  ])
})

test('files and folders are for this user only', async () => {
  const root = join(folder(), 'blobs')
  await createDiskBlobStore(root).write('a/b', parts('x'), LIMIT)
  expect(statSync(join(root, 'a')).mode & 0o777).toBe(0o700)
  expect(statSync(join(root, 'a/b')).mode & 0o777).toBe(0o600)
})

test('what a killed process left behind is swept when it is old', async () => {
  const root = folder()
  const store = createDiskBlobStore(root)
  expect(await store.sweepUnfinished(new Date())).toBe(0)
  await store.write('a', parts('x'), LIMIT)
  const left = join(root, '.unfinished', 'left')
  writeFileSync(left, 'half')
  utimesSync(left, new Date(), new Date(Date.now() - 7_200_000))
  const young = join(root, '.unfinished', 'young')
  writeFileSync(young, 'half')
  expect(await store.sweepUnfinished(new Date(Date.now() - 3_600_000))).toBe(1)
  expect([existsSync(left), existsSync(young)]).toEqual([false, true])
  expect(await textOf(store.read('a', { signal }))).toBe('x')
})
