import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a server does wrong, once, with the next request for a file's content (or for the API, under the path `api`). */
export type Fault =
  | { kind: 'cut'; afterBytes: number }
  | { kind: 'corrupt' }
  | { kind: 'longer' }
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  | { kind: 'drip' }

export interface SeenRequest {
  host: 'hub' | 'cdn'
  url: string
  authorization: string | undefined
  range: string | undefined
}

export interface HubOptions {
  /** `org/repository` → path → content. */
  repositories: Record<string, Record<string, Buffer>>
  /** Files from this length on are in LFS, which another host serves. */
  lfsFromBytes?: number
  pageSize?: number
  /** Where further pages of a listing are said to be. */
  nextPagesAt?: string
  /** Repositories that want a token. */
  token?: string
  card?: Record<string, unknown>
  /** Ranges are ignored: every answer is the whole file. */
  hasNoRanges?: boolean
  /** Bytes a connection gets in a second. */
  bytesPerSecond?: number
}

export const COMMIT = 'c0ffee'.padEnd(40, '0')
const CHUNK_BYTES = 64 * 1024

export class FakeHub {
  readonly seen: SeenRequest[] = []
  readonly faults = new Map<string, Fault[]>()
  readonly options: HubOptions
  readonly #hub: Server
  readonly #cdn: Server

  constructor(options: HubOptions) {
    this.options = options
    this.#hub = createServer((request, response) => this.#answer('hub', request, response))
    this.#cdn = createServer((request, response) => this.#answer('cdn', request, response))
  }

  static async start(options: HubOptions): Promise<FakeHub> {
    const hub = new FakeHub(options)
    for (const server of [hub.#hub, hub.#cdn]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    }
    return hub
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`
  }

  /** Another origin: the same address with another port. */
  get cdn(): string {
    return `http://127.0.0.1:${(this.#cdn.address() as AddressInfo).port}`
  }

  /** Do these, one after the other, with the next requests for the content of a path. */
  misbehave(path: string, ...faults: Fault[]): void {
    this.faults.set(path, [...(this.faults.get(path) ?? []), ...faults])
  }

  contentRequests(path: string): SeenRequest[] {
    return this.seen.filter(({ host, url }) => (host === 'cdn' || url.includes('/resolve/')) && url.endsWith(path))
  }

  close(): void {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections()
      server.close()
    }
  }

  #answer(host: 'hub' | 'cdn', request: IncomingMessage, response: ServerResponse): unknown {
    const { url = '/', headers } = request
    this.seen.push({ host, url, authorization: headers.authorization, range: headers.range })
    const { pathname, searchParams } = new URL(url, 'http://hub')
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/(.+)$/.exec(pathname)
    const modelScope = /^\/api\/v1\/models\/([^/]+\/[^/]+)\/repo(\/files)?$/.exec(pathname)
    const content = /^\/([^/]+\/[^/]+)\/(?:resolve\/[^/]+|blob)\/(.+)$/.exec(pathname)
    if (api !== null) return this.#api(response, api, { request, searchParams })
    if (modelScope !== null) return this.#modelScope(request, response, { match: modelScope, searchParams })
    if (content !== null)
      return this.#content(host, request, response, { repository: content[1] ?? '', path: content[2] ?? '' })
    return send(response, 404, {})
  }

  #api(
    response: ServerResponse,
    [, repository = '', call, revision]: RegExpExecArray,
    { request, searchParams }: { request: IncomingMessage; searchParams: URLSearchParams },
  ): unknown {
    const fault = this.faults.get('api')?.shift()
    if (fault?.kind === 'status') return send(response, fault.status, {}, fault.headers)
    const files = this.options.repositories[repository]
    if (files === undefined)
      return send(response, 401, { error: 'Invalid username or password.' }, { 'x-error-code': 'RepoNotFound' })
    if (this.options.token !== undefined && request.headers.authorization !== `Bearer ${this.options.token}`) {
      return send(response, 403, { error: 'gated' }, { 'x-error-code': 'GatedRepo' })
    }
    if (revision !== 'main' && revision !== COMMIT) {
      return send(response, 404, { error: 'Invalid rev id' }, { 'x-error-code': 'RevisionNotFound' })
    }
    if (call === 'revision')
      return send(response, 200, { id: repository, sha: COMMIT, cardData: this.options.card ?? null })
    const entries = this.#tree(files)
    const pageSize = this.options.pageSize ?? 1000
    const start = Number(searchParams.get('cursor') ?? 0)
    const more = start + pageSize < entries.length
    const next = `${this.options.nextPagesAt ?? this.endpoint}/api/models/${repository}/tree/${revision}?recursive=true&cursor=${start + pageSize}`
    return send(response, 200, entries.slice(start, start + pageSize), more ? { link: `<${next}>; rel="next"` } : {})
  }

  #tree(files: Record<string, Buffer>): unknown[] {
    const folders = new Set(
      Object.keys(files).flatMap((path) => (path.includes('/') ? [path.split('/')[0] ?? ''] : [])),
    )
    return [
      ...[...folders].map((path) => ({ type: 'directory', oid: '0'.repeat(40), size: 0, path })),
      ...Object.entries(files).map(([path, content]) => ({
        type: 'file',
        oid: gitHash(content),
        size: content.length,
        path,
        ...(this.#isLfs(content) ? { lfs: { oid: sha256(content), size: content.length, pointerSize: 134 } } : {}),
      })),
    ]
  }

  #modelScope(
    request: IncomingMessage,
    response: ServerResponse,
    { match, searchParams }: { match: RegExpExecArray; searchParams: URLSearchParams },
  ): unknown {
    const files = this.options.repositories[match[1] ?? '']
    if (files === undefined) return send(response, 404, { Code: 10010205001, Success: false })
    if (match[2] === undefined) {
      const path = searchParams.get('FilePath') ?? ''
      return this.#content('hub', request, response, { repository: match[1] ?? '', path })
    }
    const Files = Object.entries(files).map(([Path, content]) => ({
      Path,
      Type: 'blob',
      Size: content.length,
      Sha256: sha256(content),
      IsLFS: this.#isLfs(content),
    }))
    return send(response, 200, {
      Code: 200,
      Success: true,
      Data: { Files: [...Files, { Path: 'onnx', Type: 'tree', Size: 0 }] },
    })
  }

  #content(
    host: 'hub' | 'cdn',
    request: IncomingMessage,
    response: ServerResponse,
    { repository, path }: { repository: string; path: string },
  ): unknown {
    const content = this.options.repositories[repository]?.[decodeURIComponent(path)]
    if (content === undefined) return send(response, 404, {}, { 'x-error-code': 'EntryNotFound' })
    if (host === 'hub' && this.#isLfs(content)) {
      response.writeHead(302, {
        location: `${this.cdn}/${repository}/blob/${path}`,
        'x-linked-etag': `"${sha256(content)}"`,
      })
      return response.end()
    }
    return this.#send(request, response, content, this.faults.get(decodeURIComponent(path))?.shift())
  }

  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    whole: Buffer,
    fault: Fault | undefined,
  ): Promise<unknown> {
    if (fault?.kind === 'status') return send(response, fault.status, {}, fault.headers)
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    const isRange = from !== undefined && !this.options.hasNoRanges
    const start = isRange ? Number(from) : 0
    const end = isRange && to !== '' ? Number(to) + 1 : whole.length
    const content = Buffer.from(whole.subarray(start, end))
    if (fault?.kind === 'corrupt') content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 0xff
    const extra = fault?.kind === 'longer' ? 10 : 0
    response.writeHead(isRange ? 206 : 200, {
      ...(fault?.kind === 'longer' ? {} : { 'content-length': content.length }),
      ...(isRange ? { 'content-range': `bytes ${start}-${end - 1}/${whole.length}` } : {}),
      'accept-ranges': 'bytes',
    })
    if (fault?.kind === 'drip') {
      response.write(content.subarray(0, 1))
      return undefined // and nothing more: the client has to notice
    }
    const length = fault?.kind === 'cut' ? Math.min(fault.afterBytes, content.length) : content.length
    for (let at = 0; at < length && !response.destroyed; at += CHUNK_BYTES) {
      await write(response, content.subarray(at, Math.min(length, at + CHUNK_BYTES)))
      const { bytesPerSecond } = this.options
      if (bytesPerSecond !== undefined)
        await new Promise((resolve) => setTimeout(resolve, (CHUNK_BYTES / bytesPerSecond) * 1000))
    }
    if (fault?.kind === 'cut') response.socket?.destroySoon()
    else response.end(randomBytes(extra))
    return undefined
  }

  #isLfs(content: Buffer): boolean {
    return content.length >= (this.options.lfsFromBytes ?? 1024)
  }
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

function gitHash(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
}

function write(response: ServerResponse, chunk: Buffer): Promise<void> {
  return new Promise((resolve) => {
    response.write(chunk, () => resolve())
  })
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

/** A repository with what a sentence-transformers model has, and what must never be fetched. Its weights are random bytes. */
export function fakeModel(weightBytes = 300_000): Record<string, Buffer> {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value))
  return {
    'README.md': Buffer.from('# A model'),
    LICENSE: Buffer.from('Do what you like.'),
    'config.json': json({ model_type: 'bert', hidden_size: 384, max_position_embeddings: 512 }),
    'tokenizer.json': json({ version: '1.0', padding: 'x'.repeat(2000) }),
    'tokenizer_config.json': json({ model_max_length: 512 }),
    'modules.json': json([{ type: 'sentence_transformers.models.Pooling', path: '1_Pooling' }]),
    'sentence_bert_config.json': json({ max_seq_length: 256 }),
    '1_Pooling/config.json': json({ word_embedding_dimension: 384, pooling_mode_mean_tokens: true }),
    'onnx/model.onnx': randomBytes(weightBytes),
    'onnx/model_int8.onnx': randomBytes(1000),
    'pytorch_model.bin': randomBytes(5000),
    'model.safetensors': randomBytes(5000),
    'modeling_custom.py': Buffer.from('import os'),
    'train/data.pkl': randomBytes(100),
  }
}

/** A repository of texts and pictures like those on the hub: two graphs, one of them with numbers beside it. */
export function fakeTowers(): Record<string, Buffer> {
  const { 'tokenizer.json': tokenizer = Buffer.alloc(0), LICENSE = Buffer.alloc(0) } = fakeModel()
  const beside = Buffer.concat([Buffer.from('\x0a\x08location\x12\x07numbers', 'latin1'), randomBytes(200)])
  const config = { model_type: 'siglip', text_config: {}, vision_config: { hidden_size: 768 } }
  return {
    LICENSE,
    'config.json': Buffer.from(JSON.stringify(config)),
    'preprocessor_config.json': Buffer.from('{"image_processor_type":"SiglipImageProcessor"}'),
    'tokenizer.json': tokenizer,
    'onnx/model.onnx': randomBytes(3000),
    'onnx/numbers': randomBytes(5000),
    'onnx/text_model.onnx': beside,
    'onnx/text_model_fp16.onnx': randomBytes(1000),
    'onnx/vision_model.onnx': randomBytes(300_000),
    'onnx/vision_model_fp16.onnx': randomBytes(1000),
    'model.safetensors': randomBytes(5000),
  }
}
