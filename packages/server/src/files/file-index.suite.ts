import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FileIndex, StoredFile } from './file-index.js'

const NOW = new Date('2026-03-01T12:00:00.000Z')
const QUOTA = { maxFiles: 100, maxBytes: 1e9 }
const minutes = (count: number) => new Date(NOW.getTime() + count * 60_000)

function file(id: string, change: Partial<StoredFile> = {}): StoredFile {
  return {
    id,
    project: 'ours',
    kind: 'file',
    purpose: 'batch',
    filename: `${id}.jsonl`,
    bytes: 10,
    sha256: 'ab'.repeat(32),
    blobKey: `files/${id}`,
    model: undefined,
    createdAt: NOW,
    expiresAt: undefined,
    ...change,
  }
}

/** What every file index promises; each implementation calls this with a way to open an empty one. */
export function fileIndexSuite(name: string, open: () => Promise<{ index: FileIndex; close(): Promise<void> }>): void {
  describe(`${name} as a file index`, () => {
    let index: FileIndex
    let close: () => Promise<void>
    beforeAll(async () => {
      ;({ index, close } = await open())
    })
    afterAll(() => close())
    const ids = async (query: Partial<Parameters<FileIndex['list']>[0]>) =>
      (await index.list({ project: 'listed', order: 'asc', limit: 100, ...query }, NOW)).map(({ id }) => id)

    test('what was added is found as it was, large numbers and odd names too', async () => {
      const whole = file('file-1', {
        bytes: 2 ** 40,
        filename: "风\u202e'; drop table files; --\u{1f642}.jsonl",
        expiresAt: minutes(1),
        project: 'large',
      })
      await index.add(whole, { ...QUOTA, maxBytes: 2 ** 41 }, NOW)
      expect(await index.find('large', 'file', 'file-1', NOW)).toEqual(whole)
      expect(await index.find('ours', 'file', 'file-none', NOW)).toBeUndefined()
    })

    test('a foreign file does not exist: not found, not listed, not removed', async () => {
      await index.add(file('file-mine', { project: 'mine' }), QUOTA, NOW)
      expect(await index.find('theirs', 'file', 'file-mine', NOW)).toBeUndefined()
      expect(await ids({ project: 'theirs' })).toEqual([])
      expect(await index.remove('theirs', 'file-mine')).toBeUndefined()
      expect(await index.find('mine', 'file', 'file-mine', NOW)).toBeDefined()
    })

    test('an upload is not a file', async () => {
      const upload = file('oss://a/b.png', { kind: 'upload', model: 'text-embedding-v4', project: 'kinds' })
      await index.add(upload, QUOTA, NOW)
      expect(await index.find('kinds', 'file', upload.id, NOW)).toBeUndefined()
      expect(await index.find('kinds', 'upload', upload.id, NOW)).toEqual(upload)
      expect(await ids({ project: 'kinds' })).toEqual([])
      expect((await index.usage('kinds', NOW)).files).toBe(1)
    })

    test('adding twice is adding once', async () => {
      const first = await index.add(file('file-twice', { filename: 'first' }), QUOTA, NOW)
      const second = await index.add(file('file-twice', { filename: 'second' }), { maxFiles: 0, maxBytes: 0 }, NOW)
      expect(second).toEqual(first)
      await expect(index.add(file('file-twice', { project: 'another' }), QUOTA, NOW)).rejects.toThrow()
    })

    test('what has expired is gone, and can be swept', async () => {
      const early = file('file-early', { expiresAt: minutes(-2), project: 'expiring' })
      const due = file('file-due', { expiresAt: NOW, project: 'expiring' })
      const later = file('file-later', { expiresAt: minutes(1), project: 'expiring' })
      for (const one of [due, early, later]) await index.add(one, QUOTA, minutes(-10))
      expect(await index.find('expiring', 'file', 'file-due', NOW)).toBeUndefined()
      expect(await ids({ project: 'expiring' })).toEqual(['file-later'])
      expect(await index.usage('expiring', NOW)).toEqual({ files: 1, bytes: 10 })
      expect((await index.expired(NOW, 10)).map(({ id }) => id)).toEqual(['file-early', 'file-due'])
      expect((await index.expired(NOW, 1)).map(({ id }) => id)).toEqual(['file-early'])
      expect(await index.remove('expiring', 'file-early')).toEqual(early)
      expect((await index.expired(NOW, 10)).map(({ id }) => id)).toEqual(['file-due'])
    })

    test('lists go by time, then id; pages follow each other without a gap', async () => {
      for (const [id, minute] of [
        ['c', 1],
        ['a', 2],
        ['b', 2],
        ['e', 3],
        ['d', 4],
      ] as const) {
        const purpose = id === 'e' ? 'batch_output' : 'batch'
        await index.add(file(id, { createdAt: minutes(minute), project: 'listed', purpose }), QUOTA, NOW)
      }
      expect(await ids({})).toEqual(['c', 'a', 'b', 'e', 'd'])
      expect(await ids({ order: 'desc' })).toEqual(['d', 'e', 'b', 'a', 'c'])
      expect(await ids({ limit: 2 })).toEqual(['c', 'a'])
      for (const order of ['asc', 'desc'] as const) {
        const paged = []
        let after: StoredFile | undefined
        do {
          const page = await index.list({ project: 'listed', order, limit: 2, after }, NOW)
          paged.push(...page.map(({ id }) => id))
          after = page.at(-1)
        } while (after !== undefined)
        expect(paged).toEqual(await ids({ order }))
      }
      expect(await ids({ purpose: 'batch_output' })).toEqual(['e'])
      expect(await ids({ createdAfter: minutes(2), createdBefore: minutes(3) })).toEqual(['a', 'b', 'e'])
    })

    test('the quota counts files and bytes of one project, and a file that does not fit leaves nothing', async () => {
      const quota = { maxFiles: 2, maxBytes: 100 }
      await index.add(file('file-q1', { project: 'full', bytes: 60 }), quota, NOW)
      await expect(index.add(file('file-q2', { project: 'full', bytes: 41 }), quota, NOW)).rejects.toMatchObject({
        row: 'file_quota_exceeded',
        message: expect.stringContaining('Upload file capacity exceed limit'),
      })
      await index.add(file('file-q3', { project: 'full', bytes: 40 }), quota, NOW)
      await expect(index.add(file('file-q4', { project: 'full', bytes: 0 }), quota, NOW)).rejects.toMatchObject({
        row: 'file_quota_exceeded',
        message: expect.stringContaining('Upload file number exceed limit'),
      })
      expect(await index.usage('full', NOW)).toEqual({ files: 2, bytes: 100 })
      await index.add(file('file-q5', { project: 'empty', bytes: 100 }), quota, NOW)
      await index.remove('full', 'file-q3')
      await index.add(file('file-q6', { project: 'full', bytes: 40 }), quota, NOW)
    })

    test('of many that come at once, no more are added than fit', async () => {
      const quota = { maxFiles: 5, maxBytes: 1000 }
      const added = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => index.add(file(`file-r${i}`, { project: 'race' }), quota, NOW)),
      )
      expect(added.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
      expect((await index.usage('race', NOW)).files).toBe(5)
    })

    test('blobs of files are told from those of none', async () => {
      await index.add(file('file-ref', { blobKey: 'files/ref' }), QUOTA, NOW)
      const keys = ['files/ref', ...Array.from({ length: 2_000 }, (_, i) => `files/none-${i}`)]
      expect(await index.referenced(keys)).toEqual(new Set(['files/ref']))
      expect(await index.referenced([])).toEqual(new Set())
    })
  })
}
