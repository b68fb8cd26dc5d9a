import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CreateBucketCommand, CreateMultipartUploadCommand, S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { blobStoreSuite } from '../../files/blob-store.suite.js'
import { createS3BlobStore } from './blob-store.js'

/**
 * Run against a real S3 server: QUIVER_TEST_S3_ENDPOINT, and the keys `quiver-test` / `quiver-test-secret`, which may make
 * buckets. `test/contract/s3.sh` starts one.
 */
const endpoint = process.env.QUIVER_TEST_S3_ENDPOINT
const region = 'us-east-1'
const credentials = { accessKeyId: 'quiver-test', secretAccessKey: 'quiver-test-secret' }
const { signal } = new AbortController()
const SILENCE_MS = 10_000

function clientOf(): S3Client {
  return new S3Client({ region, credentials, forcePathStyle: true, ...(endpoint !== undefined && { endpoint }) })
}

async function openStore() {
  const bucket = `quiver-${randomUUID()}`
  const client = clientOf()
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
  const store = createS3BlobStore({ bucket, endpoint, region, credentials, silenceMs: SILENCE_MS })
  return { store, bucket, close: async () => store.close() }
}

describe.skipIf(endpoint === undefined)('needs a server: QUIVER_TEST_S3_ENDPOINT', () => {
  blobStoreSuite('S3', openStore)

  test('a large upload does not stay in memory', async () => {
    const { store, close } = await openStore()
    const chunk = Buffer.alloc(1024 * 1024, 'x')
    let peak = 0
    async function* large() {
      for (let i = 0; i < 256; i++) {
        peak = Math.max(peak, process.memoryUsage().arrayBuffers)
        yield Buffer.from(chunk)
      }
    }
    const before = process.memoryUsage().arrayBuffers
    await store.write('large', large(), { maxBytes: 1e9, signal })
    expect(await store.stat('large')).toEqual({ bytes: 256 * 1024 * 1024 })
    expect(peak - before).toBeLessThan(100 * 1024 * 1024)
    await close()
  })

  test('what a killed upload left is swept when it is old', async () => {
    const { store, bucket, close } = await openStore()
    const client = clientOf()
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'dies' }))
    const part = { Bucket: bucket, Key: 'dies', UploadId, PartNumber: 1, Body: Buffer.alloc(5 * 1024 * 1024) }
    await client.send(new UploadPartCommand(part))
    client.destroy()
    expect(await store.stat('dies')).toBeUndefined()
    expect(await store.sweepUnfinished(new Date(Date.now() - 3_600_000))).toBe(0)
    expect(await store.sweepUnfinished(new Date(Date.now() + 60_000))).toBe(1)
    expect(await store.sweepUnfinished(new Date(Date.now() + 60_000))).toBe(0)
    await close()
  })

  test('a wrong secret is an error, not an empty store', async () => {
    const { bucket, close } = await openStore()
    const wrong = createS3BlobStore({
      bucket,
      endpoint,
      region,
      silenceMs: SILENCE_MS,
      credentials: { ...credentials, secretAccessKey: 'another' },
    })
    await expect(wrong.stat('a')).rejects.toThrow()
    await expect(
      (async () => {
        for await (const key of wrong.list('')) expect.fail(key)
      })(),
    ).rejects.toThrow()
    wrong.close()
    await close()
  })
})

describe('a service whose answers break off', () => {
  const BLOB = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251))

  /** Answers GETs of one blob; `send` decides what becomes of each answer, the first of them number 0. */
  async function serveBlob(send: (answer: { response: ServerResponse; bytes: Buffer; number: number }) => void) {
    const asked: { range: string | undefined; tag: string | undefined }[] = []
    const server = createServer((request: IncomingMessage, response) => {
      const { range, 'if-match': tag } = request.headers
      const start = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
      asked.push({ range, tag })
      const bytes = BLOB.subarray(start)
      response.writeHead(start === 0 ? 200 : 206, { 'content-length': bytes.length, etag: '"one"' })
      send({ response, bytes, number: asked.length - 1 })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo // a server that listens on TCP has one
    const place = { bucket: 'b', endpoint: `http://127.0.0.1:${port}`, region, credentials }
    const store = createS3BlobStore({ ...place, silenceMs: 300 })
    const read = async () => {
      const chunks = []
      for await (const chunk of store.read('key', { signal })) chunks.push(chunk)
      return Buffer.concat(chunks)
    }
    const close = () => {
      store.close()
      server.closeAllConnections()
      server.close()
    }
    return { asked, read, close }
  }

  test.each([
    ['is cut', (response: ServerResponse) => response.destroy()],
    ['falls silent', () => {}],
  ])('one that %s is read on from where it ended, of the same blob', async (_how, breakOff) => {
    const { asked, read, close } = await serveBlob(({ response, bytes, number }) => {
      if (number > 1) response.end(bytes)
      else response.write(bytes.subarray(0, 30_000), () => setTimeout(() => breakOff(response), 50))
    })
    expect((await read()).equals(BLOB)).toBe(true)
    expect(asked).toEqual([
      { range: undefined, tag: undefined },
      { range: 'bytes=30000-', tag: '"one"' },
      { range: 'bytes=60000-', tag: '"one"' },
    ])
    close()
  })

  test('one that never brings a byte is an error in the end', async () => {
    const { asked, read, close } = await serveBlob(({ response }) => {
      response.flushHeaders()
      setTimeout(() => response.destroy(), 20)
    })
    await expect(read()).rejects.toThrow()
    expect(asked).toHaveLength(3)
    close()
  })
})
