import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SafeFetch } from '../egress/safe-fetch.js'
import { createDiskBlobStore } from '../stores/disk/blob-store.js'
import { createSqlFileIndex } from '../stores/sql/file-index.js'
import { openSqlite } from '../stores/sqlite/database.js'
import { createFiles } from './files.js'
import { createResolveUserUrl, type UserUrlOptions } from './resolve-user-url.js'

const { signal } = new AbortController()
const MODEL = 'multimodal-embedding-v1'
const UPLOAD = 'oss://dashscope-instant/a/b.png'
const asked: [string, UserUrlOptions][] = []
const safeFetch = (async (url, options) => {
  asked.push([url, options as UserUrlOptions]) // what the resolver passes on
  return {
    status: 200,
    headers: { 'content-type': 'text/plain' },
    finalUrl: 'https://b.example/%E9%A3%8E.txt?x',
    body: bytesOf('far'),
  }
}) satisfies SafeFetch

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

let root: string
let close: () => Promise<void>
let fileId: string
let resolve: (url: string, change?: Partial<UserUrlOptions>) => Promise<string[]>

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'quiver-resolve-'))
  const database = await openSqlite(':memory:')
  close = () => database.destroy()
  const limits = { maxFileBytes: 100, maxFiles: 10, maxBytes: 1_000 }
  const files = createFiles({ blobs: createDiskBlobStore(root), index: createSqlFileIndex(database), limits })
  const keep = async (text: string, upload?: { id: string; model: string }) =>
    files.keep(await files.receive(bytesOf(text), { project: 'ours', signal }), {
      project: 'ours',
      purpose: 'batch',
      filename: 'b.png',
      ...(upload && { upload }),
    })
  fileId = (await keep('a file')).id
  await keep('an upload', { id: UPLOAD, model: MODEL })
  const resolveUserUrl = createResolveUserUrl(files, safeFetch)
  resolve = async (url, change = {}) => {
    const { body, name, mediaType } = await resolveUserUrl(url, {
      project: 'ours',
      model: MODEL,
      isOssAllowed: true,
      maxBytes: 100,
      deadlineMs: 1_000,
      signal,
      param: 'input.url',
      ...change,
    })
    const chunks = []
    for await (const chunk of body) chunks.push(chunk)
    return [Buffer.concat(chunks).toString(), name, ...(mediaType === undefined ? [] : [mediaType])]
  }
})
afterAll(async () => {
  await close()
  rmSync(root, { recursive: true })
})

test('an upload, a file, and an address are all bytes', async () => {
  expect(await resolve(UPLOAD)).toEqual(['an upload', 'b.png'])
  expect(await resolve(fileId)).toEqual(['a file', 'b.png'])
  expect(await resolve('https://a.example/x')).toEqual(['far', '风.txt', 'text/plain'])
  expect(asked).toEqual([['https://a.example/x', expect.objectContaining({ maxBytes: 100, param: 'input.url' })]])
})

test('an upload is for its owner, its model, and requests that ask for it', async () => {
  for (const change of [{ project: 'theirs' }, { model: 'text-embedding-v4' }, { isOssAllowed: false }]) {
    await expect(resolve(UPLOAD, change)).rejects.toMatchObject({ row: 'invalid_url', param: 'input.url' })
  }
  await expect(resolve(`${UPLOAD}x`)).rejects.toMatchObject({ row: 'invalid_url' })
})

test('a file is for its owner, and an upload is no file', async () => {
  await expect(resolve(fileId, { project: 'theirs' })).rejects.toMatchObject({ row: 'not_found' })
  await expect(resolve('file-batch-none')).rejects.toMatchObject({ row: 'not_found' })
})

test('what is kept is held to the limit as well', async () => {
  await expect(resolve(fileId, { maxBytes: 5 })).rejects.toMatchObject({ row: 'download_failed' })
  await expect(resolve(UPLOAD, { maxBytes: 5 })).rejects.toMatchObject({ row: 'download_failed' })
})
