import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttp } from '../../pull/http.js'
import { findAccelerator, installAccelerator } from './accelerator.js'
import { readZip } from './zip.js'

const WHEEL = 'openvino-2026.4.1-22982-cp311-cp311-manylinux_2_28_x86_64.whl'
const { signal } = new AbortController()
const http = createHttp()

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('from a package index', () => {
  const home = mkdtempSync(join(tmpdir(), 'quiver-home-'))
  let server: Server
  let url = ''
  beforeAll(async () => {
    const pages: Record<string, string | Buffer> = {
      '/good/openvino/': `<a href="../../files/${WHEEL}#sha256=0">${WHEEL}</a>`,
      '/other/openvino/': '<a href="openvino-1.0.whl">openvino-1.0.whl</a>',
      '/large/openvino/': `<a href="../../large/${WHEEL}">${WHEEL}</a>`,
      [`/files/${WHEEL}`]: 'not the wheel',
      [`/large/${WHEEL}`]: Buffer.alloc(60_000_000),
    }
    server = createServer((request, response) => {
      const page = pages[request.url ?? '']
      response.writeHead(page === undefined ? 404 : 200).end(page)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => {
    server.close()
    rmSync(home, { recursive: true })
  })

  test.each([
    ['good', 'has SHA-256'],
    ['other', `does not list ${WHEEL}`],
    ['large', 'has more than 59130756 bytes'],
    ['none', 'answers 404'],
  ])('%s: %s', async (index, message) => {
    await expect(installAccelerator({ home, indexUrl: `${url}/${index}`, http, signal })).rejects.toMatchObject({
      name: 'AcceleratorError',
      message: expect.stringContaining(message),
    })
    expect(findAccelerator(home)).toBeUndefined()
    expect(readdirSync(home)).toEqual([])
  })

  test('a wheel on disk is held against its hash, too', async () => {
    const file = join(home, 'own.whl')
    writeFileSync(file, 'not the wheel')
    await expect(installAccelerator({ home, indexUrl: url, file, http, signal })).rejects.toThrow('own.whl has SHA-256')
    rmSync(file)
  })

  test('an index that cannot be reached is said, with the way around it', async () => {
    await expect(installAccelerator({ home, indexUrl: 'http://127.0.0.1:1', http, signal })).rejects.toThrow('--file')
  })

  test('somebody who has gone ends it', async () => {
    const gone = AbortSignal.abort(new Error('gone'))
    await expect(installAccelerator({ home, indexUrl: `${url}/good`, http, signal: gone })).rejects.toThrow('gone')
  })
})

test('a zip file gives back what was put into it; a broken one says what is broken', () => {
  const content = Buffer.from('word '.repeat(100))
  const packed = deflateRawSync(content)
  const local = Buffer.alloc(30)
  local.writeUInt16LE(1, 26)
  const entry = Buffer.alloc(46)
  entry.writeUInt32LE(0x02014b50)
  entry.writeUInt16LE(8, 10)
  entry.writeUInt32LE(packed.length, 20)
  entry.writeUInt32LE(content.length, 24)
  entry.writeUInt16LE(1, 28)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(31 + packed.length, 16)
  const file = Buffer.concat([local, Buffer.from('a'), packed, entry, Buffer.from('a'), end])
  const [only] = readZip(file)
  expect(only?.name).toBe('a')
  expect(only?.read()).toEqual(content)
  expect(() => readZip(Buffer.from('no'))).toThrow('is no zip file')
  // A file that says it is smaller than it is does not fill the memory.
  entry.writeUInt32LE(10, 24)
  const bomb = Buffer.concat([local, Buffer.from('a'), packed, entry, Buffer.from('a'), end])
  expect(() => readZip(bomb)[0]?.read()).toThrow()
})
