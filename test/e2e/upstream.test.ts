import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { QUIVER, type QuiverProcess, startQuiver } from './quiver-process.js'

const TEXTS = ['风急天高猿啸哀', 'hello world', 'Ein Satz auf Deutsch, mit Umlauten: äöü.', 'word '.repeat(700).trim()]

/** Servers start, and are killed, on machines that have other work. */
const PATIENCE_MS = 120_000

const WEIGHTS = fileURLToPath(new URL('../../packages/server/weights/builtin-text', import.meta.url))

interface Answer {
  vectors: number[][]
  tokens?: number
}

/** How the clients of each dialect ask for vectors. */
const ASK: Readonly<Record<string, (url: string, model: string) => Promise<Answer>>> = {
  async openai(url, model) {
    const { data, usage } = await post(`${url}/v1/embeddings`, { model, input: TEXTS, encoding_format: 'float' })
    return { vectors: data.map(({ embedding }: { embedding: number[] }) => embedding), tokens: usage.total_tokens }
  },
  async 'openai, base64'(url, model) {
    const { data } = await post(`${url}/v1/embeddings`, { model, input: TEXTS, encoding_format: 'base64' })
    const vectors = data.map(({ embedding }: { embedding: string }) => {
      const bytes = Buffer.from(embedding, 'base64')
      return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
    })
    return { vectors }
  },
  async dashscope(url, model) {
    const body = { model, input: { texts: TEXTS }, parameters: { text_type: 'query', dimension: 512 } }
    const { output, usage } = await post(`${url}/api/v1/services/embeddings/text-embedding/text-embedding`, body)
    return { vectors: output.embeddings.map((e: { embedding: number[] }) => e.embedding), tokens: usage.total_tokens }
  },
  async ollama(url, model) {
    const { embeddings, prompt_eval_count } = await post(`${url}/api/embed`, { model, input: TEXTS, dimensions: 256 })
    return { vectors: embeddings, tokens: prompt_eval_count }
  },
  tei: async (url) => ({ vectors: await post(`${url}/embed`, { inputs: TEXTS }) }),
}

async function post(url: string, body: unknown) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: 'Bearer any', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw Object.assign(new Error(`${response.status}: ${await response.text()}`), { response })
  return response.json()
}

const engineOf = (protocol: string, urls: string[], more: object = {}) => ({
  kind: 'upstream',
  protocol,
  urls,
  model: 'text-embedding-v4',
  dimension: 2048,
  window: 8192,
  apiKey: 'any',
  ...more,
})

const PROTOCOLS = ['openai', 'tei', 'ollama', 'dashscope', 'auto']

describe('through the gateway', () => {
  let direct: QuiverProcess
  let gateway: QuiverProcess
  beforeAll(async () => {
    direct = await startQuiver()
    const nobody = await startQuiver()
    await nobody.end()
    const engines = {
      ...Object.fromEntries(PROTOCOLS.map((protocol) => [protocol, engineOf(protocol, [direct.url])])),
      prompted: engineOf('openai', [direct.url], { prompts: { document: 'Translate the following into Latin: ' } }),
      gone: engineOf('auto', [nobody.url]),
      // The model there takes 10 texts a request, and nothing here says so.
      frugal: engineOf('openai', [direct.url], { tokenizer: WEIGHTS }),
    }
    const models = Object.keys(engines).map((engine) => [`by-${engine}`, { extends: 'text-embedding-v4', engine }])
    gateway = await startQuiver({}, { defaultModel: 'by-openai', engines, models: Object.fromEntries(models) })
  }, PATIENCE_MS)
  afterAll(async () => {
    for (const server of [gateway, direct]) await server?.end()
  })

  test.each(PROTOCOLS)(
    'an upstream asked by %s gives every dialect the vectors that it would have given itself',
    async (protocol) => {
      for (const [dialect, ask] of Object.entries(ASK)) {
        // Only DashScope's protocol has uses of texts; elsewhere they are prompts of the configuration.
        if (dialect === 'dashscope' && protocol !== 'dashscope') continue
        const there = await ask(direct.url, 'text-embedding-v4')
        const here = await ask(gateway.url, `by-${protocol}`)
        expect(here.tokens, dialect).toBe(there.tokens)
        expect(here.vectors.map(({ length }) => length)).toEqual(there.vectors.map(({ length }) => length))
        const off = here.vectors.map((vector, i) => largestDifference(vector, there.vectors[i] ?? []))
        expect(Math.max(...off), dialect).toBeLessThan(1e-6)
      }
    },
    PATIENCE_MS,
  )

  test.each(['openai', 'tei'])(
    'a text that is too long for %s is the documented error here, and not cut',
    async (protocol) => {
      const body = { model: `by-${protocol}`, input: ['fine', 'word '.repeat(9_000)] }
      const error = await post(`${gateway.url}/v1/embeddings`, body).catch(String)
      expect(error).toMatch(/400: .*Range of input length should be \[1, 8192\]/)
    },
    PATIENCE_MS,
  )

  test('a server that takes fewer texts than are sent is asked for no more, once it has said so', async () => {
    const input = Array.from({ length: 10 }, (_, i) => `text ${i}`)
    const requests = async () => {
      const text = await (await fetch(`${direct.url}/metrics`, { headers: { authorization: 'Bearer any' } })).text()
      return [...text.matchAll(/^quiver_http_request_seconds_count\{.*route="\/v1\/embeddings".*\} (\d+)$/gm)].reduce(
        (sum, [, count]) => sum + Number(count),
        0,
      )
    }
    // Two callers at a time: their texts meet in one request of 20.
    const both = () =>
      Promise.all(
        [0, 1].map((n) =>
          post(`${gateway.url}/v1/embeddings`, { model: 'by-frugal', input: input.map((text) => `${text} of ${n}`) }),
        ),
      )
    for (let i = 0; i < 5; i++) expect((await both()).map(({ data }) => data.length)).toEqual([10, 10])
    const before = await requests()
    await both()
    expect((await requests()) - before).toBeLessThanOrEqual(3) // and not one of each text
  })

  test('what is to be cut is cut where the upstream counts tokens', async () => {
    const response = await fetch(`${gateway.url}/v1/embeddings`, {
      method: 'POST',
      headers: { authorization: 'Bearer any', 'x-quiver-overlong': 'truncate' },
      body: JSON.stringify({ model: 'by-tei', input: 'word '.repeat(9_000) }),
    })
    const { usage } = (await response.json()) as { usage: { total_tokens: number } } // the embeddings endpoint's
    expect([response.headers.get('x-quiver-truncated'), usage.total_tokens]).toEqual(['0', 8192])
  })

  test('a server that is down makes its model not ready, and no other', async () => {
    const lost = await fetch(`${gateway.url}/v1/embeddings`, {
      method: 'POST',
      headers: { authorization: 'Bearer any' },
      body: JSON.stringify({ model: 'by-gone', input: 'x' }),
    })
    expect([lost.status, lost.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
    expect(await ASK.openai?.(gateway.url, 'text-embedding-v4')).toBeDefined()
    const ready = await fetch(`${gateway.url}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ok', enginesDown: ['gone'] }])
  })

  test('engines prove themselves when they are asked to', async () => {
    const verify = async (model: string) => {
      const headers = { authorization: 'Bearer any' }
      return (await fetch(`${gateway.url}/admin/models/${model}/verify`, { headers })).json()
    }
    expect(await verify('by-openai')).toMatchObject({ engine: 'openai', ok: true })
    expect(await verify('text-embedding-v4')).toMatchObject({ engine: 'builtin-text', ok: true })
    expect(await verify('by-gone')).toMatchObject({ engine: 'gone', ok: false })
  })

  test(
    'quiver verify tells one space from another',
    () => {
      const verify = (...words: string[]) => {
        const command = [QUIVER, 'verify', ...words, '--against', direct.url, '--config', gateway.configFile, '--json']
        const key = ['--against-model', 'text-embedding-v4', '--api-key-env', 'KEY']
        const { status, stdout, stderr } = spawnSync(process.execPath, [...command, ...key], {
          encoding: 'utf8',
          env: { ...process.env, KEY: 'any' },
        })
        return { status, report: stdout === '' ? stderr : JSON.parse(stdout) }
      }
      const same = verify('by-openai')
      expect(same.report).toMatchObject({ verdict: 'same space', protocol: 'tei', agreement: 1, tokensDiffer: 0 })
      expect(same.status).toBe(0)
      const other = verify('by-prompted', '--protocol', 'openai')
      expect(other.report).toMatchObject({ verdict: 'different', protocol: 'openai' })
      expect(other.status).toBe(4)
      expect(verify('none')).toEqual({ status: 1, report: expect.stringContaining('The model `none` does not exist') })
    },
    PATIENCE_MS,
  )
})

describe('two replicas under load', () => {
  let replicas: [QuiverProcess, QuiverProcess]
  let gateway: QuiverProcess
  const failures: string[] = []
  let answered = 0

  const open = async (environments: [Record<string, string>, Record<string, string>], more: object = {}) => {
    replicas = [await startQuiver(environments[0]), await startQuiver(environments[1])]
    const up = engineOf('openai', [replicas[0].url, replicas[1].url], more)
    gateway = await startQuiver({}, { engines: { up }, models: { 'text-embedding-v4': { engine: 'up' } } })
  }
  afterEach(async () => {
    for (const server of [gateway, ...replicas]) await server.end()
  }, PATIENCE_MS)

  /** Callers that each send their next text when the last one is answered, until told to stop. */
  function load(callers: number) {
    failures.length = 0
    answered = 0
    const ending = new AbortController()
    const caller = async (number: number) => {
      for (let i = 0; !ending.signal.aborted; i++) {
        const body = { model: 'text-embedding-v4', input: `caller ${number}, text ${i}` }
        await post(`${gateway.url}/v1/embeddings`, body).then(
          () => answered++,
          (error: unknown) => failures.push(String(error)),
        )
      }
    }
    const done = Promise.all(Array.from({ length: callers }, (_, number) => caller(number)))
    return async () => {
      ending.abort()
      await done
    }
  }

  const untilAnswered = (more: number) => {
    const before = answered
    return vi.waitFor(() => expect(answered).toBeGreaterThan(before + more), { timeout: PATIENCE_MS / 3 })
  }

  /** Texts that a replica has embedded. */
  const embedded = async ({ url }: QuiverProcess) => {
    const text = await (await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer any' } })).text()
    return Number(text.match(/^quiver_inputs_total\{.*\} (\d+)$/m)?.[1] ?? 0)
  }

  test(
    'one is killed: no request fails',
    async () => {
      await open([{}, {}])
      const stop = load(16)
      await untilAnswered(50)
      replicas[0].child.kill('SIGKILL')
      await untilAnswered(150)
      await stop()
      expect(failures).toEqual([])
    },
    PATIENCE_MS,
  )

  test(
    'one stands still: its requests move on in time, it is left alone, and used again when it goes on',
    async () => {
      await open([{}, {}], { timeoutMs: 2_000 })
      const stop = load(8)
      await untilAnswered(50)
      replicas[0].child.kill('SIGSTOP')
      await sleep(5_000) // the deadline of all that waited there is over
      const latencies: number[] = []
      for (let i = 0; i < 10; i++) {
        const startedAt = performance.now()
        await post(`${gateway.url}/v1/embeddings`, { model: 'text-embedding-v4', input: `after ${i}` })
        latencies.push(performance.now() - startedAt)
      }
      expect(Math.max(...latencies)).toBeLessThan(2_000)
      replicas[0].child.kill('SIGCONT')
      const before = await embedded(replicas[0])
      await vi.waitFor(async () => expect(await embedded(replicas[0])).toBeGreaterThan(before + 20), {
        timeout: PATIENCE_MS / 3,
      })
      replicas[1].child.kill('SIGKILL')
      await untilAnswered(50)
      await stop()
      expect(failures).toEqual([])
    },
    PATIENCE_MS,
  )

  test(
    'one has no room: what it refuses is computed by the other',
    async () => {
      await open([{ QUIVER_MAX_QUEUED_INPUTS: '1' }, {}], { protocol: 'tei' })
      const stop = load(24)
      await untilAnswered(200)
      await stop()
      expect(failures).toEqual([])
    },
    PATIENCE_MS,
  )
})

function largestDifference(a: readonly number[], b: readonly number[]): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? Number.NaN))), 0)
}
