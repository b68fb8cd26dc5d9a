import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createHttp } from '../../packages/server/src/pull/http.js'
import { findDamage, listModels } from '../../packages/server/src/pull/model-store.js'
import { type PullOptions, type PullRequest, pull } from '../../packages/server/src/pull/pull.js'
import { modalityOf } from '../../packages/server/src/pull/pulled-model.js'
import { parseSource, type Source } from '../../packages/server/src/pull/source.js'
import { COMMIT, FakeHub, fakeModel, fakeTowers, type HubOptions, sha256 } from './fake-hub.js'

/** Each pull syncs a dozen files to the disk, which a busy disk takes its time for. */
vi.setConfig({ testTimeout: 120_000 })

const MEBIBYTE = 1024 * 1024
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-pull-'))
  closing.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function start(options: Partial<HubOptions> = {}): Promise<FakeHub> {
  const hub = await FakeHub.start({ repositories: { 'org/model': fakeModel() }, ...options })
  closing.push(() => hub.close())
  return hub
}

/** Short waits, so that giving up takes a moment and not minutes. */
const PATIENCE = { tries: 4, firstWaitMs: 5, maxWaitMs: 3_000, answerMs: 2_000, stallMs: 2_000, stallBytes: 1_000 }
/** Several connections for files that are quick to make. */
const LANES = { most: 2, minBytes: MEBIBYTE }

function optionsFor(hub: FakeHub, home: string, more: Partial<PullOptions> = {}): PullOptions {
  const http = createHttp()
  closing.push(() => http.close())
  return {
    home,
    hub: { endpoint: hub.endpoint },
    modelScopeEndpoint: hub.endpoint,
    isOffline: false,
    connections: 4,
    lanes: LANES,
    http,
    patience: PATIENCE,
    signal: new AbortController().signal,
    now: () => new Date('2026-11-22T00:00:00Z'),
    onPlan() {},
    onBytes() {},
    ...more,
  }
}

const source = (text: string) => parseSource(text) as Source // these texts are sources
const requestFor = (text = 'hf:org/model', more: Partial<PullRequest> = {}): PullRequest => ({
  name: 'model',
  source: source(text),
  wanted: {},
  ...more,
})

/** Whether every file of the model is byte for byte what the hub holds. */
function expectWhole(home: string, hub: FakeHub, repository = 'org/model'): void {
  const { models, broken } = listModels(home)
  expect(broken).toEqual([])
  const [stored] = models
  expect(stored?.model.name).toBe('model')
  for (const [path, { bytes, sha256: promised }] of Object.entries(stored?.model.files ?? {})) {
    const held = hub.options.repositories[repository]?.[path] ?? Buffer.alloc(0)
    const there = readFileSync(join(stored?.folder ?? '', path))
    expect([path, there.length, sha256(there)]).toEqual([path, bytes, promised])
    expect([path, promised]).toEqual([path, sha256(held)])
  }
  expect(
    readdirSync(stored?.folder ?? '', { recursive: true }).filter((name) => String(name).includes('.part')),
  ).toEqual([])
}

const isThere = (home: string) => existsSync(join(home, 'models', 'model'))

describe('what is fetched', () => {
  test('weights, tokenizer, settings and license come; code, pickles and other weights do not', async () => {
    const [hub, home] = [await start({ pageSize: 2, card: { license: 'mit' } }), temporary()]
    const { model } = await pull(requestFor(), optionsFor(hub, home))
    expect(Object.keys(model.files).sort()).toEqual([
      '1_Pooling/config.json',
      'LICENSE',
      'config.json',
      'modules.json',
      'onnx/model.onnx',
      'sentence_bert_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    expect(model).toMatchObject({
      source: `hf:org/model@${COMMIT}`,
      engine: 'onnx',
      variant: 'fp32',
      weights: 'onnx/model.onnx',
      dimension: 384,
      maxTokens: 256,
      license: 'mit',
      pulledAt: '2026-11-22T00:00:00.000Z',
    })
    expectWhole(home, hub)
  })

  test('a variant is chosen by name, and one that is not there is refused with those that are', async () => {
    const [hub, home] = [await start(), temporary()]
    const request = requestFor('hf:org/model', { wanted: { variant: 'q4' } })
    await expect(pull(request, optionsFor(hub, home))).rejects.toThrow(/no variant q4 for onnx.*fp32, int8/)
    const { model } = await pull(requestFor('hf:org/model', { wanted: { variant: 'int8' } }), optionsFor(hub, home))
    expect([model.weights, model.variant]).toEqual(['onnx/model_int8.onnx', 'int8'])
  })

  test('of texts and pictures come both graphs, and what is done to a picture', async () => {
    const [hub, home] = [await start({ repositories: { 'org/model': fakeTowers() } }), temporary()]
    const { model } = await pull(requestFor(), optionsFor(hub, home))
    expect(Object.keys(model.files).sort()).toEqual([
      'LICENSE',
      'config.json',
      'onnx/numbers',
      'onnx/text_model.onnx',
      'onnx/vision_model.onnx',
      'preprocessor_config.json',
      'tokenizer.json',
    ])
    expect(model).toMatchObject({
      variant: 'fp32',
      weights: 'onnx/vision_model.onnx',
      towers: {
        text: 'onnx/text_model.onnx',
        picture: 'onnx/vision_model.onnx',
        preprocessor: 'preprocessor_config.json',
      },
      dimension: 768,
      maxTokens: 64,
    })
    expect(modalityOf(model)).toBe('multimodal')
    expectWhole(home, hub)
    const copied = await pull(requestFor(`file:${join(home, 'models', 'model')}`), optionsFor(hub, temporary()))
    expect(copied.model.towers).toEqual(model.towers)
  })

  test('what no file says of texts and pictures is kept with the model', async () => {
    const one = Object.fromEntries(
      Object.entries(fakeTowers()).map(([path, file]) => [path.replace('onnx/', 'onnx/s0/'), file]),
    )
    const [hub, home] = [await start({ repositories: { 'org/model': { ...fakeModel(), ...one } } }), temporary()]
    const towers = { family: 'clip' as const, captionTokens: 77, captionPadId: 0 }
    const curated = { name: 'mobileclip2-s0', license: 'apple-amlr', towers, shape: { dimension: 512, maxTokens: 77 } }
    const { model } = await pull(
      requestFor('hf:org/model', { wanted: { folder: 'onnx/s0' }, curated }),
      optionsFor(hub, home),
    )
    expect(model).toMatchObject({ dimension: 512, maxTokens: 77, license: 'apple-amlr' })
    expect(model.towers).toEqual({
      text: 'onnx/s0/text_model.onnx',
      picture: 'onnx/s0/vision_model.onnx',
      preprocessor: 'preprocessor_config.json',
      facts: towers,
    })
    expect(Object.keys(model.files)).toContain('onnx/s0/numbers')
  })

  test('settings come from the original where the weights are an export, and numbers outside the graph come along', async () => {
    const pair = Buffer.concat([Buffer.from('\x0a\x08location\x12\x07numbers', 'latin1'), randomBytes(100)])
    const hub = await start({
      repositories: {
        'org/model': fakeModel(),
        'org/export': { 'onnx/model.onnx': pair, 'onnx/numbers': randomBytes(5000), 'config.json': Buffer.from('{}') },
      },
    })
    const home = temporary()
    const settingsSource = source('hf:org/model')
    const { model } = await pull(requestFor('hf:org/export', { settingsSource }), optionsFor(hub, home))
    expect(Object.keys(model.files)).toContain('onnx/numbers')
    expect(model).toMatchObject({ dimension: 384, settingsSource: `hf:org/model@${COMMIT}` })
    const config = readFileSync(join(home, 'models', 'model', 'config.json'))
    expect(sha256(config)).toBe(sha256(hub.options.repositories['org/model']?.['config.json'] ?? Buffer.alloc(0)))
  })

  test('ModelScope is pulled from by its own calls', async () => {
    const [hub, home] = [await start(), temporary()]
    const { model } = await pull(requestFor('ms:org/model'), optionsFor(hub, home))
    expect(model.source).toBe('ms:org/model@master')
    expectWhole(home, hub)
  })

  test('a folder, and a pulled model that any web server serves, give the same files', async () => {
    const [hub, home] = [await start(), temporary()]
    const first = await pull(requestFor(), optionsFor(hub, home))
    const copied = await pull(requestFor(`file:${first.folder}`), optionsFor(hub, temporary(), { isOffline: true }))
    expect(copied.model.files).toEqual(first.model.files)
    hub.options.repositories['org/pulled'] = {
      ...hub.options.repositories['org/model'],
      'quiver-model.json': readFileSync(join(first.folder, 'quiver-model.json')),
    }
    const url = `${hub.endpoint}/org/pulled/resolve/main/`
    const served = await pull(requestFor(url), optionsFor(hub, temporary()))
    expect(served.model).toMatchObject({ files: first.model.files, source: url })
    hub.misbehave('config.json', { kind: 'corrupt' }, { kind: 'corrupt' })
    await expect(pull(requestFor(url), optionsFor(hub, temporary()))).rejects.toThrow(/config.json: came with SHA-256/)
    rmSync(join(first.folder, 'LICENSE'))
    await expect(pull(requestFor(`file:${first.folder}`), optionsFor(hub, temporary()))).rejects.toThrow(
      /lacks LICENSE/,
    )
    writeFileSync(join(first.folder, 'LICENSE'), 'Do what you like.')
    writeFileSync(join(first.folder, 'config.json'), '{"hidden_size": 1}')
    await expect(pull(requestFor(`file:${first.folder}`), optionsFor(hub, temporary()))).rejects.toThrow(
      /config.json: has SHA-256 .* quiver-model.json says/,
    )
  })

  test('a single GGUF file at a URL is checked against the hash in the URL', async () => {
    const gguf = ggufFile({ 'qwen3.embedding_length': 1024, 'qwen3.context_length': 32768 })
    const hub = await start({ repositories: { 'org/model': { 'm-Q8_0.gguf': gguf } } })
    const url = `${hub.endpoint}/org/model/resolve/main/m-Q8_0.gguf`
    const { model } = await pull(requestFor(`${url}#sha256=${sha256(gguf)}`), optionsFor(hub, temporary()))
    expect(model).toMatchObject({ engine: 'llama-cpp', variant: 'Q8_0', dimension: 1024, maxTokens: 32768 })
    await expect(pull(requestFor(`${url}#sha256=${'0'.repeat(64)}`), optionsFor(hub, temporary()))).rejects.toThrow(
      /came with SHA-256 .*promises sha256 0{64}; twice/,
    )
  })
})

describe('what a hub can do wrong', () => {
  test('connections that are cut go on where they stopped', async () => {
    const [hub, home] = [await start(), temporary()]
    hub.misbehave('onnx/model.onnx', { kind: 'cut', afterBytes: 100_000 }, { kind: 'cut', afterBytes: 100_000 })
    await pull(requestFor(), optionsFor(hub, home))
    const ranges = hub
      .contentRequests('onnx/model.onnx')
      .filter(({ host }) => host === 'cdn')
      .map(({ range }) => range)
    const starts = ranges.map((range) => Number(/^bytes=(\d+)-299999$/.exec(range ?? '')?.[1] ?? 0))
    expect(starts).toHaveLength(3)
    expect(starts[1]).toBeGreaterThan(0)
    expect(starts[2]).toBeGreaterThan(starts[1] ?? 0)
    expectWhole(home, hub)
  })

  test('a large file comes over several connections, each of which may be cut', async () => {
    const hub = await start({ repositories: { 'org/model': fakeModel(4 * MEBIBYTE) } })
    const home = temporary()
    hub.misbehave('onnx/model.onnx', { kind: 'cut', afterBytes: MEBIBYTE }, { kind: 'cut', afterBytes: 0 })
    await pull(requestFor(), optionsFor(hub, home))
    const starts = hub.contentRequests('onnx/model.onnx').map(({ range }) => range)
    expect(starts).toEqual(
      expect.arrayContaining([`bytes=0-${2 * MEBIBYTE - 1}`, `bytes=${2 * MEBIBYTE}-${4 * MEBIBYTE - 1}`]),
    )
    expectWhole(home, hub)
  })

  test('a server without ranges is asked for whole files', async () => {
    const hub = await start({ repositories: { 'org/model': fakeModel(4 * MEBIBYTE) }, hasNoRanges: true })
    const home = temporary()
    hub.misbehave('onnx/model.onnx', { kind: 'cut', afterBytes: MEBIBYTE }, { kind: 'cut', afterBytes: MEBIBYTE })
    await pull(requestFor(), optionsFor(hub, home))
    expectWhole(home, hub)
  })

  test.each([
    ['in LFS', 'onnx/model.onnx'],
    ['in git', 'config.json'],
  ])('altered bytes of a file %s are noticed, and fetched again once', async (_, path) => {
    const [hub, home] = [await start(), temporary()]
    hub.misbehave(path, { kind: 'corrupt' })
    await pull(requestFor(), optionsFor(hub, home))
    expectWhole(home, hub)
    const second = temporary()
    hub.misbehave(path, { kind: 'corrupt' }, { kind: 'corrupt' })
    await expect(pull(requestFor(), optionsFor(hub, second))).rejects.toThrow(/came with SHA-256 .*; twice. Not kept/)
    expect(isThere(second)).toBe(false)
  })

  test('more bytes than promised are not taken', async () => {
    const [hub, home] = [await start(), temporary()]
    hub.misbehave('onnx/model.onnx', { kind: 'longer' })
    await pull(requestFor(), optionsFor(hub, home))
    expectWhole(home, hub)
  })

  test('a file that is not as long as its listing says is refused', async () => {
    const [hub, home] = [await start(), temporary()]
    const files = hub.options.repositories['org/model'] ?? {}
    hub.misbehave('onnx/model.onnx', { kind: 'cut', afterBytes: 0 })
    const pulling = pull(
      requestFor(),
      optionsFor(hub, home, {
        onPlan: () => {
          files['onnx/model.onnx'] = randomBytes(1234)
        },
      }),
    )
    await expect(pulling).rejects.toThrow(/onnx\/model.onnx: has 1234 bytes at .*promises 300000/)
    expect(isThere(home)).toBe(false)
  })

  test('a drip is a stall, and stalls have an end', async () => {
    const [hub, home] = [await start(), temporary()]
    const patience = { ...PATIENCE, stallMs: 200 }
    hub.misbehave('onnx/model.onnx', { kind: 'drip' })
    await pull(requestFor(), optionsFor(hub, home, { patience }))
    expectWhole(home, hub)
    const drips = Array.from({ length: 4 }, () => ({ kind: 'drip' }) as const)
    hub.misbehave('onnx/model.onnx', ...drips)
    await expect(pull(requestFor(), optionsFor(hub, temporary(), { patience }))).rejects.toThrow(
      /only 1 bytes came in 0.2 s \(tried 4 times\)/,
    )
  })

  test('429 is waited out as long as it asks, up to a bound', async () => {
    const [hub, home] = [await start(), temporary()]
    hub.misbehave('api', { kind: 'status', status: 429, headers: { 'retry-after': '1' } })
    hub.misbehave('config.json', { kind: 'status', status: 429, headers: { ratelimit: '"resolvers";r=0;t=1' } })
    const startedAt = performance.now()
    await pull(requestFor(), optionsFor(hub, home))
    expect(performance.now() - startedAt).toBeGreaterThan(1_900)
    expectWhole(home, hub)
    hub.misbehave('api', { kind: 'status', status: 429, headers: { 'retry-after': '3600' } })
    await expect(pull(requestFor(), optionsFor(hub, temporary()))).rejects.toThrow(
      /answers 429; it asks to wait 3600 s/,
    )
  })

  test('a server that is down for a moment is asked again, one that stays down is given up', async () => {
    const [hub, home] = [await start(), temporary()]
    hub.misbehave('api', { kind: 'status', status: 503 }, { kind: 'status', status: 500 })
    await pull(requestFor(), optionsFor(hub, home))
    expectWhole(home, hub)
    const options = optionsFor(hub, temporary())
    hub.close()
    await expect(pull(requestFor(), options)).rejects.toThrow(/cannot be reached .*tried 4 times/)
  })

  test('what is missing is named: repository, revision, consent, weights', async () => {
    const hub = await start({
      repositories: { 'org/model': fakeModel(), 'org/torch': { 'model.safetensors': randomBytes(9) } },
    })
    const failing = (text: string) => pull(requestFor(text), optionsFor(hub, temporary()))
    await expect(failing('hf:org/nothing')).rejects.toThrow(/hf:org\/nothing does not exist .*HF_TOKEN is not set/)
    await expect(failing('hf:org/model@v9')).rejects.toThrow('hf:org/model has no revision v9.')
    await expect(failing('hf:org/torch')).rejects.toThrow(/neither ONNX nor GGUF weights; PyTorch weights/)
    hub.options.token = 'hf_secret'
    await expect(failing('hf:org/model')).rejects.toThrow(/agree to its terms: HF_TOKEN is not set/)
  })
})

describe('the token', () => {
  test('goes to the hub and not to the host that it redirects to', async () => {
    const [hub, home] = [await start({ token: 'hf_secret' }), temporary()]
    await pull(requestFor(), optionsFor(hub, home, { hub: { endpoint: hub.endpoint, token: 'hf_secret' } }))
    const seen = (host: string) =>
      new Set(hub.seen.filter((request) => request.host === host).map((r) => r.authorization))
    expect(seen('hub')).toEqual(new Set(['Bearer hf_secret']))
    expect(seen('cdn')).toEqual(new Set([undefined]))
    expectWhole(home, hub)
  })

  test('stays away from the next page of a listing that another host is to answer', async () => {
    const other = await start()
    const hub = await start({ pageSize: 2, nextPagesAt: other.endpoint })
    const options = optionsFor(hub, temporary(), { hub: { endpoint: hub.endpoint, token: 'hf_secret' } })
    await pull(requestFor(), options).catch(() => {})
    expect(other.seen.length).toBeGreaterThan(0)
    expect(other.seen.map(({ authorization }) => authorization)).toEqual(other.seen.map(() => undefined))
  })
})

describe('what interrupts', () => {
  test('an aborted pull leaves no model, and the next one fetches only what is missing', async () => {
    const hub = await start({ repositories: { 'org/model': fakeModel(4 * MEBIBYTE) } })
    const home = temporary()
    const stop = new AbortController()
    let came = 0
    const onBytes = (_: string, count: number) => {
      came += count
      if (came > 2 * MEBIBYTE) stop.abort(new Error('stopped'))
    }
    await expect(pull(requestFor(), optionsFor(hub, home, { signal: stop.signal, onBytes }))).rejects.toThrow('stopped')
    expect(listModels(home)).toEqual({ models: [], broken: [] })
    let resumed = 0
    let first = true
    await pull(
      requestFor(),
      optionsFor(hub, home, {
        onBytes: (path, count) => {
          if (path !== 'onnx/model.onnx') return
          if (first) resumed = count // what was there already
          first = false
        },
      }),
    )
    expect(resumed).toBeGreaterThan(MEBIBYTE)
    expectWhole(home, hub)
  })

  test('bytes that were damaged while they waited are not believed', async () => {
    const hub = await start({ repositories: { 'org/model': fakeModel(4 * MEBIBYTE) } })
    const home = temporary()
    const stop = new AbortController()
    let came = 0
    const onBytes = (_: string, count: number) => {
      came += count
      if (came > 2 * MEBIBYTE) stop.abort(new Error('stopped'))
    }
    await expect(pull(requestFor(), optionsFor(hub, home, { signal: stop.signal, onBytes }))).rejects.toThrow('stopped')
    const part = join(home, 'models', '.pulling', 'model', 'onnx', 'model.onnx.part')
    const bytes = readFileSync(part)
    writeFileSync(part, bytes.fill(0, 0, 1000))
    await pull(requestFor(), optionsFor(hub, home))
    expectWhole(home, hub)
  })

  test('a file that is complete but altered is fetched anew', async () => {
    const [hub, home] = [await start(), temporary()]
    const staging = join(home, 'models', '.pulling', 'model')
    mkdirSync(staging, { recursive: true })
    const tokenizer = hub.options.repositories['org/model']?.['tokenizer.json'] ?? Buffer.alloc(0)
    writeFileSync(join(staging, 'tokenizer.json'), Buffer.alloc(tokenizer.length))
    writeFileSync(join(staging, 'left-over.json'), 'of another pull')
    const { folder } = await pull(requestFor(), optionsFor(hub, home))
    expect(existsSync(join(folder, 'left-over.json'))).toBe(false)
    expectWhole(home, hub)
  })

  test('two pulls of one name do not meet; another name goes on', async () => {
    const [hub, home] = [await start({ bytesPerSecond: 2 * MEBIBYTE }), temporary()]
    const first = pull(requestFor(), optionsFor(hub, home))
    await new Promise((resolve) => setTimeout(resolve, 30))
    await expect(pull(requestFor(), optionsFor(hub, home))).rejects.toThrow(
      /model is being pulled, imported or removed/,
    )
    await pull(requestFor('hf:org/model', { name: 'other' }), optionsFor(hub, home))
    await first
    expect(listModels(home).models.map(({ model }) => model.name)).toEqual(['model', 'other'])
    await expect(pull(requestFor(), optionsFor(hub, home))).rejects.toThrow(/model is there already/)
  })

  test('offline means that nothing is asked of anyone', async () => {
    const [hub, home] = [await start(), temporary()]
    await expect(pull(requestFor(), optionsFor(hub, home, { isOffline: true }))).rejects.toThrow(
      /QUIVER_OFFLINE is set/,
    )
    expect(hub.seen).toEqual([])
  })

  test.skipIf(!canMount())(
    'a full disk is said before, and where it fills up meanwhile; room brings it to its end',
    async () => {
      const disk = temporary()
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=70m', 'tmpfs', disk])
      closing.push(() => execFileSync('umount', ['-l', disk]))
      const hub = await start({ repositories: { 'org/model': fakeModel(20 * MEBIBYTE) } })
      await expect(pull(requestFor(), optionsFor(hub, disk))).rejects.toThrow(
        /^2\d\.\d MB more are needed in .* \(and 67\.1 MB to spare\), 7\d\.\d MB are free\.$/,
      )
      execFileSync('mount', ['-o', 'remount,size=90m', disk])
      const filler = join(disk, 'filler')
      let isFilled = false
      const onBytes = () => {
        if (!isFilled) execFileSync('fallocate', ['-l', '85m', filler])
        isFilled = true
      }
      await expect(pull(requestFor(), optionsFor(hub, disk, { onBytes }))).rejects.toThrow(
        /the disk is full \(ENOSPC\)/,
      )
      expect(isThere(disk)).toBe(false)
      rmSync(filler)
      await pull(requestFor(), optionsFor(hub, disk))
      expectWhole(disk, hub)
    },
  )

  test('whatever happens on the way, a pull that ends has the right bytes', async () => {
    const hub = await start({ repositories: { 'org/model': fakeModel(4 * MEBIBYTE) } })
    const patience = { ...PATIENCE, stallMs: 300 }
    const faults = [
      { kind: 'cut', afterBytes: MEBIBYTE },
      { kind: 'corrupt' },
      { kind: 'status', status: 502 },
      { kind: 'longer' },
      { kind: 'drip' },
    ] as const
    for (let round = 0; round < 6; round++) {
      const home = temporary()
      for (let i = 0; i < 3; i++) {
        const fault = faults[(round + i * 2) % faults.length]
        if (fault !== undefined) hub.misbehave('onnx/model.onnx', fault)
      }
      const stop = new AbortController()
      let came = 0
      const onBytes = (_: string, count: number) => {
        came += count
        if (came > (round + 1) * 0.6 * MEBIBYTE) stop.abort(new Error('stopped'))
      }
      await pull(requestFor(), optionsFor(hub, home, { signal: stop.signal, onBytes, patience })).catch(() => {})
      const isEarly = isThere(home)
      if (isEarly) expectWhole(home, hub)
      for (let tries = 0; !isThere(home) && tries < 3; tries++)
        await pull(requestFor(), optionsFor(hub, home, { patience })).catch(() => {})
      expectWhole(home, hub)
      hub.faults.clear()
    }
  })
})

test('a proxy is asked for the way, and told no token', async () => {
  const [hub, home] = [await start(), temporary()]
  const asked: (string | undefined)[] = []
  const proxy = createServer().on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(request.url)
    expect(request.headers.authorization).toBeUndefined()
    const [host, port] = (request.url ?? '').split(':')
    const onward = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
    onward.on('error', () => socket.destroy()).pipe(socket)
    socket.on('error', () => onward.destroy()).pipe(onward)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const { port } = proxy.address() as AddressInfo
  const http = createHttp({ httpProxy: `http://127.0.0.1:${port}` })
  closing.push(
    () => proxy.close(),
    () => http.close(),
  )
  await pull(requestFor(), optionsFor(hub, home, { http, hub: { endpoint: hub.endpoint, token: 'hf_secret' } }))
  expect(new Set(asked)).toEqual(new Set([hub.endpoint, hub.cdn].map((url) => url.slice('http://'.length))))
  expectWhole(home, hub)
})

test('damage to a pulled model is found', async () => {
  const [hub, home] = [await start(), temporary()]
  const stored = await pull(requestFor(), optionsFor(hub, home))
  const { signal } = new AbortController()
  expect(await findDamage(stored, signal)).toEqual([])
  writeFileSync(join(stored.folder, 'config.json'), '{}')
  rmSync(join(stored.folder, 'LICENSE'))
  expect(await findDamage(stored, signal)).toEqual(['LICENSE', 'config.json'])
  expect(statSync(stored.folder).isDirectory()).toBe(true)
})

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' })
    execFileSync('umount', [folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A GGUF header with a string, an array, and these numbers. */
function ggufFile(numbers: Record<string, number>): Buffer {
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer)
  const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer)
  const text = (value: string) => Buffer.concat([u64(value.length), Buffer.from(value)])
  const entries = [
    Buffer.concat([text('general.architecture'), u32(8), text('qwen3')]),
    Buffer.concat([text('tokenizer.ggml.tokens'), u32(9), u32(8), u64(2), text('a'), text('bc')]),
    ...Object.entries(numbers).map(([key, value]) => Buffer.concat([text(key), u32(4), u32(value)])),
  ]
  return Buffer.concat([Buffer.from('GGUF'), u32(3), u64(0), u64(entries.length), ...entries, randomBytes(3000)])
}
