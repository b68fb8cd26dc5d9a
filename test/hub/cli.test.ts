import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { FakeHub, fakeModel, fakeTowers, type HubOptions, sha256 } from './fake-hub.js'

const QUIVER = fileURLToPath(new URL('../../packages/server/bin/quiver.js', import.meta.url))
const MEBIBYTE = 1024 * 1024
const MINILM = 'sentence-transformers/all-MiniLM-L6-v2'

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close()
})

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-pull-cli-'))
  closing.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function start(options: Partial<HubOptions> = {}): Promise<FakeHub> {
  const hub = await FakeHub.start({ repositories: { [MINILM]: fakeModel() }, ...options })
  closing.push(() => hub.close())
  return hub
}

interface Outcome {
  status: number | null
  stdout: string
  stderr: string
}

/** The real command line with a home of its own; `process` to end it early. */
function commandLine(hub: FakeHub | undefined, home = temporary()) {
  const environment = { PATH: process.env.PATH, QUIVER_HOME: home, HF_ENDPOINT: hub?.endpoint ?? 'http://127.0.0.1:1' }
  const begin = (
    words: string[],
    more: Record<string, string> = {},
  ): { child: ChildProcess; outcome: Promise<Outcome> } => {
    const child = spawn(process.execPath, [QUIVER, ...words], { env: { ...environment, ...more } })
    closing.push(() => child.kill('SIGKILL'))
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk) => (stdout += chunk))
    child.stderr.on('data', (chunk) => (stderr += chunk))
    const outcome = new Promise<Outcome>((resolve) =>
      child.on('close', (status) => resolve({ status, stdout, stderr })),
    )
    return { child, outcome }
  }
  return { home, begin, quiver: (...words: string[]) => begin(words).outcome }
}

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}

test('a model is pulled by name, listed, shown, checked and removed; HF_HOME is not touched', async () => {
  const hub = await start()
  const { begin, quiver } = commandLine(hub)
  const hfHome = temporary()
  const pulled = await begin(['pull', 'all-minilm-l6-v2'], { HF_HOME: hfHome }).outcome
  expect(pulled).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/all-minilm-l6-v2: onnx fp32, 384 components/),
  })
  expect(pulled.stderr).toMatch(/onnx\/model.onnx {2}300.0 kB/)
  expect(readdirSync(hfHome)).toEqual([])
  expect((await quiver('pull', 'all-minilm-l6-v2')).stdout).toMatch(/is there already/)
  expect((await quiver('list')).stdout).toMatch(/all-minilm-l6-v2 .*onnx fp32 .*384 .*apache-2.0/)
  const shown = await quiver('show', 'all-minilm-l6-v2', '--check')
  expect(shown).toMatchObject({ status: 0, stderr: 'every file is as it was pulled\n' })
  const { folder, curated } = JSON.parse(shown.stdout)
  expect(curated).toBe('all-minilm-l6-v2')
  writeFileSync(join(folder, 'config.json'), '{}')
  expect(await quiver('show', 'all-minilm-l6-v2', '--check')).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/is damaged: config.json/),
  })
  expect(await quiver('rm', 'all-minilm-l6-v2')).toMatchObject({ status: 0, stdout: 'all-minilm-l6-v2 is removed.\n' })
  expect(existsSync(folder)).toBe(false)
  expect((await quiver('list')).stdout).toMatch(/No model was pulled yet/)
}, 180_000)

test('a pull that is killed leaves no model; the next one goes on, and every byte is right', async () => {
  const hub = await start({ repositories: { [MINILM]: fakeModel(24 * MEBIBYTE) }, bytesPerSecond: 4 * MEBIBYTE })
  const { home, begin, quiver } = commandLine(hub)
  const note = join(home, 'models', '.pulling', 'all-minilm-l6-v2', 'onnx', 'model.onnx.part.json')
  const done = () => (existsSync(note) ? JSON.parse(readFileSync(note, 'utf8')).lanes[0].done : 0)
  for (const bytes of [3, 8]) {
    const { child, outcome } = begin(['pull', 'all-minilm-l6-v2'])
    await until(() => done() > bytes * MEBIBYTE)
    child.kill('SIGKILL')
    await outcome
    expect((await quiver('list')).stdout).toMatch(/No model was pulled yet/)
  }
  hub.options.bytesPerSecond = 1024 * MEBIBYTE
  expect((await quiver('pull', 'all-minilm-l6-v2')).status).toBe(0)
  const starts = hub.contentRequests('onnx/model.onnx').filter(({ host }) => host === 'cdn')
  expect(Number(/bytes=(\d+)-/.exec(starts.at(-1)?.range ?? '')?.[1])).toBeGreaterThan(8 * MEBIBYTE)
  const weights = readFileSync(join(home, 'models', 'all-minilm-l6-v2', 'onnx', 'model.onnx'))
  expect(sha256(weights)).toBe(sha256(hub.options.repositories[MINILM]?.['onnx/model.onnx'] ?? Buffer.alloc(0)))
  expect(readdirSync(join(home, 'models', '.pulling'))).toEqual([])
}, 180_000)

test('Ctrl-C says how to go on; a second pull meanwhile is refused', async () => {
  const hub = await start({ repositories: { [MINILM]: fakeModel(8 * MEBIBYTE) }, bytesPerSecond: 50_000 })
  const { begin, quiver } = commandLine(hub)
  const { child, outcome } = begin(['pull', 'all-minilm-l6-v2'])
  await until(() => hub.contentRequests('onnx/model.onnx').length > 0)
  expect(await quiver('pull', 'all-minilm-l6-v2')).toMatchObject({
    status: 1,
    stderr: 'quiver: all-minilm-l6-v2 is being pulled, imported or removed by another process.\n',
  })
  child.kill('SIGINT')
  expect(await outcome).toMatchObject({
    status: 130,
    stderr: expect.stringMatching(/quiver: interrupted; the same command goes on where it stopped.\n$/),
  })
}, 180_000)

test('a pulled model goes behind a public name, over which the configuration wins, and comes back', async () => {
  const hub = await start()
  const { home, quiver } = commandLine(hub)
  await quiver('pull', 'all-minilm-l6-v2', '--as', 'mini')
  const used = await quiver('use', 'text-embedding-v4', 'mini')
  expect(used.stdout).toMatch(
    /^text-embedding-v4 is computed by mini: dimensions 384 \(384 unless asked for\), texts up to 256/,
  )
  const find = async (id: string, ...words: string[]) =>
    JSON.parse((await quiver('models', '--json', ...words)).stdout).find((model: { id: string }) => model.id === id)
  expect(await find('text-embedding-v4')).toMatchObject({ engine: 'mini', dimensions: [384], maxInputs: 10 })
  expect(await find('mini')).toMatchObject({ engine: 'mini', priceMicrosPer1kTokens: 0, maxInputs: 2048 })
  const config = join(home, 'quiver.yaml')
  writeFileSync(config, 'models:\n  text-embedding-v4:\n    engine: builtin-text\n')
  expect(await find('text-embedding-v4', '--config', config)).toMatchObject({ engine: 'builtin-text' })
  expect(await quiver('rm', 'mini')).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/mini answers as text-embedding-v4/),
  })
  expect((await quiver('use', 'text-embedding-v4', 'builtin-text-large')).stdout).toMatch(
    /text-embedding-v4 is computed by builtin-text-large: dimensions 64, .*, 2048 \(1024 unless asked for\)/,
  )
  expect((await quiver('use', 'text-embedding-v4', 'builtin')).status).toBe(0)
  expect(await find('text-embedding-v4')).toMatchObject({ engine: 'builtin-text', defaultDimension: 1024 })
  expect((await quiver('rm', 'mini')).status).toBe(0)
  expect(await quiver('use', 'text-embedding-v4', 'mini')).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/there is no pulled model mini; none was pulled yet/),
  })
  expect((await quiver('use', 'nobody', 'mini')).stderr).toMatch(
    /nobody is no public name; there are text-embedding-v4/,
  )
}, 180_000)

test('a model of texts and pictures keeps its width, and fills up a wider name with zeros', async () => {
  const hub = await start({
    repositories: {
      'onnx-community/siglip2-base-patch16-256-ONNX': fakeTowers(),
      'onnx-community/siglip2-so400m-patch16-384-ONNX': fakeTowers(),
      [MINILM]: fakeModel(),
    },
  })
  const { quiver } = commandLine(hub)
  expect(await quiver('pull', 'siglip2-base-patch16-256', '--as', 'siglip')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(
      /siglip: onnx fp32, texts and pictures, 768 components, 64 tokens[\s\S]*quiver use multimodal-embedding-v1 siglip/,
    ),
  })
  expect((await quiver('list')).stdout).toMatch(/siglip +│ onnx fp32 +│ multimodal +│ 768/)
  expect(JSON.parse((await quiver('show', 'siglip')).stdout)).toMatchObject({
    modality: 'multimodal',
    dimension: 768,
    towers: { facts: { family: 'siglip', captionTokens: 64, captionPadId: 0, isLowercased: true } },
    canAnswerAs: expect.arrayContaining([{ id: 'multimodal-embedding-v1', dimensions: [1024], zeros: 256 }]),
  })
  expect((await quiver('use', 'multimodal-embedding-v1', 'siglip')).stdout).toMatch(
    /^multimodal-embedding-v1 is computed by siglip: dimensions 1024 \(768 of its own, then 256 zeros: every cosine stays as it is\), texts cut at 64 tokens\./,
  )
  const find = async (id: string) =>
    JSON.parse((await quiver('models', '--json')).stdout).find((model: { id: string }) => model.id === id)
  expect(await find('multimodal-embedding-v1')).toMatchObject({
    engine: 'siglip',
    dimensions: [1024],
    maxTextTokens: 64,
  })
  expect(await find('siglip')).toMatchObject({ engine: 'siglip', dimensions: [768], priceMicrosPer1kTextTokens: 0 })
  await quiver('pull', 'siglip2-so400m-patch16-384', '--as', 'wide')
  expect((await quiver('use', 'multimodal-embedding-v1', 'builtin-text-large')).stderr).toMatch(/takes other inputs/)
  expect((await quiver('use', 'multimodal-embedding-v1', 'wide')).stderr).toMatch(
    /offers dimensions 1024; wide computes 1152 and was not trained for fewer. It answers under its own name/,
  )
  expect((await quiver('use', 'text-embedding-v4', 'siglip')).stderr).toMatch(
    /siglip cannot answer as text-embedding-v4/,
  )
  await quiver('pull', 'all-minilm-l6-v2')
  expect((await quiver('use', 'multimodal-embedding-v1', 'all-minilm-l6-v2')).stderr).toMatch(/takes other inputs/)
  for (const [name, terms] of [
    ['jina-clip-v2', /NonCommercial 4.0, which allows no commercial use/],
    ['mobileclip2-s0', /which allows research only/],
  ] as const) {
    expect(await quiver('pull', name)).toMatchObject({ status: 1, stderr: expect.stringMatching(terms) })
  }
}, 180_000)

test('a model travels as one archive to a machine without a network', async () => {
  const hub = await start()
  const [here, there] = [commandLine(hub), commandLine(undefined)]
  await here.quiver('pull', 'all-minilm-l6-v2')
  const archive = join(here.home, 'minilm.tar')
  expect((await here.quiver('export', 'all-minilm-l6-v2', archive)).status).toBe(0)
  expect((await here.quiver('export', 'all-minilm-l6-v2', archive)).stderr).toMatch(
    /exists already; it is not overwritten/,
  )
  const imported = await there.begin(['import', archive], { QUIVER_OFFLINE: '1' }).outcome
  expect(imported).toMatchObject({ status: 0, stdout: expect.stringMatching(/all-minilm-l6-v2: onnx fp32/) })
  expect((await there.quiver('show', 'all-minilm-l6-v2', '--check')).status).toBe(0)
  const bytes = readFileSync(archive)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  writeFileSync(archive, bytes)
  expect((await there.quiver('import', archive, '--as', 'again')).stderr).toMatch(
    /is not what its quiver-model.json says/,
  )
  expect((await there.quiver('import', archive, '--as', 'text-embedding-v4')).stderr).toMatch(/is a public name/)
}, 180_000)

test('offline, unknown names, terms and taken names are told in one line', async () => {
  const hub = await start()
  const { quiver, home } = commandLine(hub)
  const failing = async (...words: string[]) => {
    const { status, stderr } = await quiver(...words)
    expect([words, status === 1 || status === 2]).toEqual([words, true])
    return stderr
  }
  expect(await failing('pull', 'all-minilm-l6-v2', '--offline')).toMatch(/QUIVER_OFFLINE is set/)
  expect(await failing('pull', 'minilm')).toMatch(
    /there is no model minilm to pull; there are qwen3-embedding-0.6b, .*hf:org\/repo/,
  )
  expect(await failing('pull', 'embeddinggemma-300m')).toMatch(
    /Gemma Terms of Use: https:\S+\n {2}Read them; --accept-license/,
  )
  expect(await failing('pull', 'bge-m3', '--engine', 'llama-cpp')).toMatch(
    /bge-m3 has no weights for llama-cpp, but for onnx/,
  )
  expect(await failing('pull', 'all-minilm-l6-v2', '--as', 'text-embedding-v4')).toMatch(/is a public name/)
  expect(await failing('pull', 'all-minilm-l6-v2', '--as', '../x')).toMatch(/a name has 1 to 64 of/)
  expect(await failing('pull', 'file:/nowhere')).toMatch(/\/nowhere cannot be read \(ENOENT\)/)
  expect(await failing('rm', 'nothing')).toMatch(/there is no pulled model nothing/)
  expect(hub.seen).toEqual([])
  expect(readdirSync(home).filter((name) => name === 'serving.json')).toEqual([])
  const terms = await quiver('pull', 'embeddinggemma-300m', '--accept-license')
  expect(terms.stderr).toMatch(/hf:onnx-community\/embeddinggemma-300m-ONNX does not exist at/)
  expect(statSync(home).isDirectory()).toBe(true)
}, 180_000)
