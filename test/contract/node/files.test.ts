import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createUrlSigner } from '@quiver/server/dist/files/signed-url.js'
import { loadSecret } from '@quiver/server/dist/home.js'
import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from './server.js'

/** Files through the SDK, and what no SDK does: broken forms, signed URLs, ranges. */

const QUIVER = fileURLToPath(new URL('../../../packages/server/bin/quiver.js', import.meta.url))
const LINE =
  '{"custom_id":"1","method":"POST","url":"/v1/embeddings","body":{"model":"text-embedding-v4","input":"你好"}}\n'
const MAX_FILE_BYTES = 100_000

let server: TestServer
let folder: string
const clientFor = (apiKey: string, base = '/compatible-mode/v1') =>
  new OpenAI({ apiKey, baseURL: `${server.url}${base}`, maxRetries: 0 })
const upload = (apiKey = 'sk-one', text = LINE) =>
  clientFor(apiKey).files.create({ file: new File([text], 'lines.jsonl'), purpose: 'batch' })

beforeAll(async () => {
  server = await startServer([], { threads: 1, maxFileBytes: MAX_FILE_BYTES, maxFiles: 40, maxStorageBytes: 1_000_000 })
  folder = await mkdtemp(join(tmpdir(), 'quiver-files-'))
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

/** A form as bytes, so that its parts can be in any order and any shape. */
function formOf(parts: [head: string, content: string][], boundary = 'BOUNDARY'): Buffer {
  const all = parts.map(
    ([head, content]) => `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`,
  )
  return Buffer.from(`${all.join('')}--${boundary}--\r\n`)
}

const FILE: [string, string] = ['name="file"; filename="lines.jsonl"', LINE]
const PURPOSE: [string, string] = ['name="purpose"', 'batch']

const post = (body: Buffer, headers: Record<string, string> = {}, path = '/v1/files') =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer sk-raw',
      'content-type': 'multipart/form-data; boundary=BOUNDARY',
      ...headers,
    },
    body: new Uint8Array(body),
  })

/** Blobs on the disk, finished or not. */
const blobs = async () => {
  const root = join(server.home ?? '', 'blobs')
  const names = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])
  return names.filter((entry) => entry.isFile()).length
}

describe('the SDK', () => {
  it.each(['/compatible-mode/v1', '/v1'])('uploads, lists, shows, downloads and deletes at %s', async (base) => {
    const { files } = clientFor(`sk-life${base}`, base)
    const created = await files.create({ file: new File([LINE], 'lines.jsonl'), purpose: 'batch' })
    expect(created).toEqual({
      id: expect.stringMatching(/^file-batch-[0-9a-f]{32}$/),
      object: 'file',
      bytes: Buffer.byteLength(LINE),
      created_at: expect.any(Number),
      expires_at: null,
      filename: 'lines.jsonl',
      purpose: 'batch',
      status: 'processed',
      status_details: null,
    })
    expect(Math.abs(created.created_at - Date.now() / 1000)).toBeLessThan(60)
    expect(await files.retrieve(created.id)).toEqual(created)
    expect((await files.list()).data).toEqual([created])
    const content = await files.content(created.id)
    expect(await content.text()).toBe(LINE)
    expect(content.headers.get('content-disposition')).toContain('attachment; filename="lines.jsonl"')
    expect(content.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await files.delete(created.id)).toEqual({ id: created.id, object: 'file', deleted: true })
    await expect(files.retrieve(created.id)).rejects.toMatchObject({ status: 404 })
    await expect(files.delete(created.id)).rejects.toMatchObject({ status: 404 })
  })

  it('uploads from disk, from memory and from a stream', async () => {
    const path = join(folder, '风急.jsonl')
    await writeFile(path, LINE)
    const { files } = clientFor('sk-sources')
    const sources = [
      createReadStream(path),
      await toFile(Buffer.from(LINE), 'buffer.jsonl'),
      await toFile(Readable.from([Buffer.from(LINE)]), 'stream.jsonl'),
    ]
    for (const file of sources) {
      const { id, bytes } = await files.create({ file, purpose: 'batch' })
      expect(bytes).toBe(Buffer.byteLength(LINE))
      expect(await (await files.content(id)).text()).toBe(LINE)
    }
    expect((await files.list()).data.map(({ filename }) => filename)).toContain('风急.jsonl')
  })

  it('pages through a list by itself, in both orders, and filters by purpose', async () => {
    const { files } = clientFor('sk-pages')
    const ids: string[] = []
    for (let i = 0; i < 5; i++) {
      const purpose = i === 2 ? 'user_data' : 'batch'
      ids.push((await files.create({ file: new File([`${i}`], `${i}.jsonl`), purpose })).id)
      await new Promise((resolve) => setTimeout(resolve, 3)) // so that no two have the same millisecond
    }
    const listed = async (query: OpenAI.FileListParams) => {
      const all: string[] = []
      for await (const { id } of files.list(query)) all.push(id)
      return all
    }
    expect(await listed({ limit: 2, order: 'asc' })).toEqual(ids)
    expect(await listed({ limit: 2 })).toEqual(ids.toReversed())
    expect(await listed({ purpose: 'user_data' })).toEqual([ids[2]])
    const page = await files.list({ limit: 2, order: 'asc' })
    expect([page.has_more, page.data.length]).toEqual([true, 2])
  })

  it('a life can be given, and is told', async () => {
    const file = new File([LINE], 'a.jsonl')
    const created = await clientFor('sk-life').files.create({
      file,
      purpose: 'batch',
      expires_after: { anchor: 'created_at', seconds: 3_600 },
    })
    expect(created.expires_at).toBe(created.created_at + 3_600)
    const short = { anchor: 'created_at', seconds: 10 } as const
    await expect(
      clientFor('sk-life').files.create({ file, purpose: 'batch', expires_after: short }),
    ).rejects.toMatchObject({ status: 400, param: 'expires_after[seconds]' })
  })

  it("another key's file is as one that never was", async () => {
    const { id } = await upload('sk-mine')
    const theirs = clientFor('sk-theirs').files
    const missing = await theirs.retrieve('file-batch-0').catch((error: unknown) => error)
    for (const call of [() => theirs.retrieve(id), () => theirs.content(id), () => theirs.delete(id)]) {
      const error = await call().then(
        () => expect.fail('it must fail'),
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(OpenAI.NotFoundError)
      expect((error as Error).message).toBe((missing as Error).message.replace('file-batch-0', id)) // both are of the SDK
    }
    expect((await theirs.list()).data).toEqual([])
    expect((await clientFor('sk-mine').files.list()).data).toHaveLength(1)
  })

  it('a file that is too large is refused, whether it says so or not, and leaves nothing', async () => {
    const before = await blobs()
    const { files } = clientFor('sk-large')
    for (const bytes of [MAX_FILE_BYTES + 1, 5_000_000]) {
      const file = new File([Buffer.alloc(bytes, 'x')], 'a.jsonl')
      await expect(files.create({ file, purpose: 'batch' })).rejects.toMatchObject({
        status: 413,
        code: 'payload_too_large',
      })
    }
    await files.create({ file: new File([Buffer.alloc(MAX_FILE_BYTES, 'x')], 'a.jsonl'), purpose: 'batch' })
    expect(await blobs()).toBe(before + 1)
  })

  it('a project has room for so many bytes', async () => {
    const { files } = clientFor('sk-full')
    const file = new File([Buffer.alloc(MAX_FILE_BYTES, 'x')], 'a.jsonl')
    for (let i = 0; i < 10; i++) await files.create({ file, purpose: 'batch' })
    await expect(files.create({ file, purpose: 'batch' })).rejects.toMatchObject({
      status: 400,
      code: 'file_quota_exceeded',
      message: expect.stringContaining('Upload file capacity exceed limit.'),
    })
  })
})

describe('a form', () => {
  it.each([
    ['file first', [FILE, PURPOSE]],
    ['purpose first', [PURPOSE, FILE]],
    ['fields that nobody knows', [['name="x"', 'y'], FILE, ['name="__x"', 'y'], PURPOSE] as [string, string][]],
    ['a name that is a path', [['name="file"; filename="../../etc/passwd"', LINE], PURPOSE] as [string, string][]],
  ] as [string, [string, string][]][])('%s', async (_name, parts) => {
    const response = await post(formOf(parts))
    expect(response.status).toBe(200)
    const { filename } = (await response.json()) as { filename: string }
    expect(filename).toMatch(/^(lines\.jsonl|passwd)$/)
  })

  it.each([
    ['no purpose', formOf([FILE]), 'purpose'],
    ['a purpose that is none', formOf([['name="purpose"', 'world domination'], FILE]), 'purpose'],
    ['the same, behind the file', formOf([FILE, ['name="purpose"', 'x']]), 'purpose'],
    ['no file', formOf([PURPOSE]), 'file'],
    ['a file that is a field', formOf([PURPOSE, ['name="file"', LINE]]), 'file'],
    ['a file under another name', formOf([PURPOSE, ['name="data"; filename="a"', LINE]]), 'file'],
    ['an empty file', formOf([PURPOSE, ['name="file"; filename="a"', '']]), 'file'],
  ])('%s: 400 names the field', async (_name, body, param) => {
    const before = await blobs()
    const response = await post(body)
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ error: expect.objectContaining({ param }) }),
    ])
    expect(await blobs()).toBe(before)
  })

  it.each([
    ['cut off in the file', formOf([PURPOSE, FILE]).subarray(0, 150)],
    ['cut off behind the file', formOf([FILE, PURPOSE]).subarray(0, 260)],
    ['two files', formOf([PURPOSE, FILE, FILE])],
    ['no parts', Buffer.from('--BOUNDARY--\r\n')],
    ['empty', Buffer.alloc(0)],
    ['not a form', Buffer.from(LINE)],
    ['a field of a megabyte', formOf([['name="purpose"', 'x'.repeat(1_000_000)], FILE])],
    [
      'a hundred fields',
      formOf([...Array.from({ length: 100 }, (_, i) => [`name="f${i}"`, 'x']), FILE, PURPOSE] as [string, string][]),
    ],
    ['a name of the language', formOf([['name="__proto__"', 'x'], ['name="constructor"', 'x'], PURPOSE, FILE])],
    ['a field of JSON', formOf([['name="purpose"\r\nContent-Type: application/json', '{"a":1}'], FILE])],
  ])('%s: 400', async (_name, body) => {
    const before = await blobs()
    const response = await post(body)
    expect(response.status).toBe(400)
    expect(Object.keys((await response.json()) as object)).toContain('error')
    expect(await blobs()).toBe(before)
  })

  it.each(['application/json', 'multipart/form-data', 'multipart/mixed; boundary=BOUNDARY', 'nonsense'])(
    'as %s: 400',
    async (type) => {
      expect((await post(formOf([PURPOSE, FILE]), { 'content-type': type })).status).toBe(400)
    },
  )

  it('without a key: 401, before it is read', async () => {
    expect((await post(formOf([PURPOSE, FILE]), { authorization: '' })).status).toBe(401)
  })

  it('a client that goes away in the middle leaves nothing', async () => {
    const before = await blobs()
    const { port } = new URL(server.url)
    const socket = connect(Number(port), '127.0.0.1')
    const body = formOf([PURPOSE, ['name="file"; filename="a"', 'x'.repeat(50_000)]])
    socket.write(
      `POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-gone\r\nContent-Length: ${body.length}\r\n` +
        'Content-Type: multipart/form-data; boundary=BOUNDARY\r\n\r\n',
    )
    socket.write(body.subarray(0, 40_000))
    await expect.poll(blobs).toBe(before + 1)
    socket.destroy()
    await expect.poll(blobs).toBe(before)
    expect((await clientFor('sk-gone').files.list()).data).toEqual([])
  })

  it('an answer that comes before the end of the body does not end the connection', async () => {
    const { port } = new URL(server.url)
    const socket = connect(Number(port), '127.0.0.1')
    let answers = ''
    socket.on('data', (chunk) => {
      answers += chunk.toString()
    })
    const body = formOf([
      ['name="purpose"', 'wrong'],
      ['name="file"; filename="a"', 'x'.repeat(50_000)],
    ])
    const head = `Host: x\r\nAuthorization: Bearer sk-early\r\nContent-Length: ${body.length}\r\n`
    socket.write(`POST /v1/files HTTP/1.1\r\n${head}Content-Type: multipart/form-data; boundary=BOUNDARY\r\n\r\n`)
    socket.write(body.subarray(0, 1_000))
    await expect.poll(() => answers).toContain('must be one of')
    socket.write(body.subarray(1_000))
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400', 'HTTP/1.1 200'])
    socket.destroy()
  })
})

describe('queries and ranges', () => {
  it.each([
    ['limit=0', 'limit'],
    ['limit=10001', 'limit'],
    ['limit=x', 'limit'],
    ['order=up', 'order'],
    ['create_after=yesterday', 'create_after'],
    ['after=file-batch-none', 'id'],
    ['limit=1&limit=2', 'limit'],
  ])('?%s is refused', async (query, param) => {
    const response = await fetch(`${server.url}/v1/files?${query}`, { headers: { authorization: 'Bearer sk-query' } })
    expect([response.status < 500, await response.json()]).toEqual([
      true,
      expect.objectContaining({ error: expect.objectContaining({ param }) }),
    ])
  })

  it("DashScope's times of creation are China's", async () => {
    const { id } = await upload('sk-times')
    const china = (minutes: number) =>
      new Date(Date.now() + (8 * 60 + minutes) * 60_000).toISOString().replace(/[-T:]|\..*/g, '')
    const ids = async (query: string) => {
      const response = await fetch(`${server.url}/v1/files?${query}`, { headers: { authorization: 'Bearer sk-times' } })
      return ((await response.json()) as { data: { id: string }[] }).data.map((file) => file.id)
    }
    expect(await ids(`create_after=${china(-5)}&create_before=${china(5)}&unknown=1`)).toEqual([id])
    expect(await ids(`create_after=${china(5)}`)).toEqual([])
    expect(await ids(`create_before=${china(-5)}`)).toEqual([])
    expect(await ids(`create_after=${Math.floor(Date.now() / 1000) - 300}`)).toEqual([id])
  })

  it('a part of the content can be asked for', async () => {
    const { id } = await upload('sk-range', '0123456789')
    const get = (range: string, method = 'GET') =>
      fetch(`${server.url}/v1/files/${id}/content`, { method, headers: { authorization: 'Bearer sk-range', range } })
    const part = await get('bytes=2-4')
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 2-4/10', '234'])
    const beyond = await get('bytes=10-')
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */10'])
    expect(await beyond.json()).toMatchObject({ error: { code: 'range_not_satisfiable' } })
    const head = await get('', 'HEAD')
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', ''])
  })
})

describe('signed URLs', () => {
  const signer = () => createUrlSigner(loadSecret(server.home ?? ''))
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000)
  beforeAll(async () => {
    await mkdir(join(server.home ?? '', 'blobs/results/a'), { recursive: true })
    await writeFile(join(server.home ?? '', 'blobs/results/a/task.txt.gz'), 'zipped')
  })

  it('give the bytes to whoever has them, without a key, and whole', async () => {
    const response = await fetch(signer().signUrl('results/a/task.txt.gz', inHours(24), server.url))
    expect([response.status, await response.text()]).toEqual([200, 'zipped'])
    const header = (name: string) => response.headers.get(name)
    expect([header('content-type'), header('accept-ranges')]).toEqual(['application/gzip', 'bytes'])
    expect(header('content-disposition')).toContain('filename="task.txt.gz"')
    expect(response.headers.get('content-encoding')).toBeNull()
    const part = await fetch(signer().signUrl('results/a/task.txt.gz', inHours(1), server.url), {
      headers: { range: 'bytes=-3' },
    })
    expect([part.status, await part.text()]).toEqual([206, 'ped'])
  })

  it.each([
    ['expired', () => signer().signUrl('results/a/task.txt.gz', inHours(-1), server.url), 403, 'AccessDenied'],
    [
      'changed',
      () => `${signer().signUrl('results/a/task.txt.gz', inHours(1), server.url)}A`,
      403,
      'SignatureDoesNotMatch',
    ],
    ['unsigned', () => `${server.url}/results/a/task.txt.gz`, 403, 'SignatureDoesNotMatch'],
    ['of nothing', () => signer().signUrl('results/a/gone', inHours(1), server.url), 404, 'NoSuchKey'],
  ])('%s: %i in the XML of object storage', async (_name, url, status, code) => {
    const response = await fetch(url())
    expect([response.status, response.headers.get('content-type')]).toEqual([status, 'application/xml'])
    const requestId = response.headers.get('x-request-id')
    expect(await response.text()).toMatch(
      new RegExp(
        `^<\\?xml version="1.0" encoding="UTF-8"\\?>\n<Error>\n  <Code>${code}</Code>\n  <Message>[^<]+</Message>\n` +
          `  <RequestId>${requestId}</RequestId>\n</Error>\n$`,
      ),
    )
  })
})

describe('temporary uploads', () => {
  interface Policy {
    policy: string
    signature: string
    upload_dir: string
    upload_host: string
    oss_access_key_id: string
  }
  const policyOf = async (model = 'multimodal-embedding-v1') => {
    const response = await fetch(`${server.url}/api/v1/uploads?action=getPolicy&model=${model}`, {
      headers: { authorization: 'Bearer sk-upload' },
    })
    expect(response.status).toBe(200)
    const body = (await response.json()) as { data: Policy; output?: unknown }
    expect(body.output).toBeUndefined()
    return body.data
  }
  const partsOf = (policy: Policy, name: string): [string, string][] => [
    ['name="OSSAccessKeyId"', policy.oss_access_key_id],
    ['name="Signature"', policy.signature],
    ['name="policy"', policy.policy],
    ['name="key"', `${policy.upload_dir}/${name}`],
    ['name="x-oss-object-acl"', 'private'],
    ['name="x-oss-forbid-overwrite"', 'true'],
    ['name="success_action_status"', '200'],
    ['name="x-oss-content-type"', 'image/png'],
    ['name="file"; filename="t.png"', 'PNG'],
  ]
  const send = (parts: [string, string][], url?: string) =>
    fetch(url ?? `${server.url}/uploads`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=BOUNDARY' },
      body: new Uint8Array(formOf(parts)),
    })

  it('a policy takes files, without a key, each name once', async () => {
    const policy = await policyOf()
    expect(policy.upload_host).toBe(`${server.url}/uploads`)
    const first = await send(partsOf(policy, 't.png'), policy.upload_host)
    expect([first.status, await first.text()]).toEqual([200, ''])
    expect((await send(partsOf(policy, '图.png'))).status).toBe(200)
    const again = await send(partsOf(policy, 't.png'))
    expect([again.status, await again.text()]).toEqual([409, expect.stringContaining('<Code>FileAlreadyExists</Code>')])
  })

  it('uploads are no files', async () => {
    expect((await clientFor('sk-upload').files.list()).data).toEqual([])
  })

  it.each([
    ['another signature', { 'name="Signature"': 'AAAA' }, 403, 'SignatureDoesNotMatch'],
    ['another policy', { 'name="policy"': 'e30=' }, 403, 'SignatureDoesNotMatch'],
    ['another key', { 'name="key"': 'dashscope-instant/x/y.png' }, 403, 'AccessDenied'],
    ['no file', { 'name="file"; filename="t.png"': undefined }, 400, 'MalformedPOSTRequest'],
    ['no policy', { 'name="policy"': undefined }, 400, 'InvalidArgument'],
    [
      'a file that is too large',
      { 'name="file"; filename="t.png"': 'x'.repeat(MAX_FILE_BYTES + 1) },
      413,
      'EntityTooLarge',
    ],
  ])('%s is refused and leaves nothing', async (_name, change: Record<string, string | undefined>, status, code) => {
    const before = await blobs()
    const parts = partsOf(await policyOf(), 'u.png').flatMap(([head, content]): [string, string][] => {
      const value = head in change ? change[head] : content
      return value === undefined ? [] : [[head, value]]
    })
    const response = await send(parts)
    expect([response.status, await response.text()]).toEqual([status, expect.stringContaining(`<Code>${code}</Code>`)])
    expect(await blobs()).toBe(before)
  })

  it.each(['', '?action=getPolicy', '?action=getPolicy&model=', '?action=other&model=m'])(
    'GET /api/v1/uploads%s is refused',
    async (query) => {
      const response = await fetch(`${server.url}/api/v1/uploads${query}`, {
        headers: { authorization: 'Bearer sk-upload' },
      })
      expect(response.status).toBe(400)
    },
  )
})

describe('a backup of the running server', () => {
  it('is a server again, with the same files for the same keys', { timeout: 120_000 }, async () => {
    const { id } = await upload('sk-kept')
    const quiver = (...words: string[]) =>
      promisify(execFile)(process.execPath, [QUIVER, ...words], { env: { PATH: process.env.PATH } })
    const [backup, home] = [join(folder, 'backup'), join(folder, 'restored')]
    const { stdout } = await quiver('backup', backup, '--home', server.home ?? '')
    expect(stdout).toMatch(/backup: the database and \d+ files, \d+ bytes\n$/)
    await expect(quiver('backup', backup, '--home', server.home ?? '')).rejects.toMatchObject({
      code: 1,
      stderr: `quiver: ${backup} is not empty; name a new folder.\n`,
    })
    await quiver('restore', backup, '--home', home)
    expect(loadSecret(home)).toEqual(loadSecret(server.home ?? '')) // URLs that were signed stay good
    const restored = await startServer([], { threads: 1, home })
    try {
      const clientOf = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${restored.url}/v1`, maxRetries: 0 }).files
      expect(await (await clientOf('sk-kept').content(id)).text()).toBe(LINE)
      await expect(clientOf('sk-other').retrieve(id)).rejects.toMatchObject({ status: 404 })
    } finally {
      await restored.stop()
    }
  })
})
