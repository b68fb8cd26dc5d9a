import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { QUIVER, type QuiverProcess, startQuiver } from './quiver-process.js'

let server: QuiverProcess
let folder: string
beforeAll(async () => {
  server = await startQuiver()
  folder = mkdtempSync(join(tmpdir(), 'quiver-jobs-cli-'))
}, 120_000)
afterAll(async () => {
  await server.end()
  rmSync(folder, { recursive: true })
})

/** Not spawnSync: the answers of the server must not wait for this process. */
async function quiver(...words: string[]) {
  const child = spawn(process.execPath, [QUIVER, ...words, '--url', server.url], {
    env: { PATH: process.env.PATH, QUIVER_HOME: folder, QUIVER_API_KEY: 'sk-cli' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (text) => {
    stdout += text
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const [status] = await once(child, 'close')
  return { status, stdout, stderr }
}

const pathOf = (name: string, content: string) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const request = (id: string, dimensions: number) =>
  JSON.stringify({
    custom_id: id,
    method: 'POST',
    url: '/v1/embeddings',
    body: { model: 'text-embedding-v4', input: id, dimensions },
  })

test('a text file becomes a task, its result a file; list, show and wait know it, cancel is too late', async () => {
  const output = join(folder, 'lines.jsonl.gz')
  const submitted = await quiver('jobs', 'submit', pathOf('lines.txt', 'one\ntwo\n\n'), '--output', output)
  expect(submitted).toMatchObject({ status: 0, stderr: '' })
  const id = submitted.stdout.trim()
  const rows = gunzipSync(readFileSync(output)).toString().trim().split('\n')
  expect(rows.map((row) => JSON.parse(row).output.text_index)).toEqual([0, 1, 2])
  expect((await quiver('jobs', 'list')).stdout).toContain(id)
  expect(JSON.parse((await quiver('jobs', 'list', '--json')).stdout)[0]).toMatchObject({ id, status: 'SUCCEEDED' })
  const shown = JSON.parse((await quiver('jobs', 'show', id)).stdout)
  expect(shown).toMatchObject({ id, status: 'SUCCEEDED', lines: { total: 3, succeeded: 3, failed: 0 } })
  expect(JSON.parse((await quiver('jobs', 'wait', id)).stdout)).toEqual(shown)
  const late = await quiver('jobs', 'cancel', id)
  expect(late.status).toBe(1)
  expect(late.stderr).toMatch(/PENDING/)
}, 120_000)

test('a text is a text, whatever its name ends with', async () => {
  const submitted = await quiver('jobs', 'submit', pathOf('notes.md', 'one\n'), '--wait')
  expect(submitted).toMatchObject({ status: 0, stderr: '' })
}, 120_000)

test('a batch goes from file to file, errors into one of their own', async () => {
  const input = pathOf('requests.jsonl', `\ufeff${request('a', 64)}\r\n\r\n${request('b', 63)}\r\n\r\n`)
  const { status, stdout } = await quiver('batch', 'run', input)
  const [output, errors] = [join(folder, 'requests.output.jsonl'), join(folder, 'requests.errors.jsonl')]
  expect({ status, stdout }).toEqual({ status: 0, stdout: `completed: 1 lines in ${output}, 1 in ${errors}\n` })
  expect(JSON.parse(readFileSync(output, 'utf8'))).toMatchObject({ custom_id: 'a', response: { status_code: 200 } })
  expect(JSON.parse(readFileSync(errors, 'utf8'))).toMatchObject({ custom_id: 'b', response: { status_code: 400 } })
}, 120_000)

test('what an interrupted command left running is fetched by its id', async () => {
  const { stderr } = await quiver('batch', 'run', pathOf('left.jsonl', `${request('a', 64)}\n${request('b', 63)}\n`))
  const [output, errors] = [join(folder, 'fetched.jsonl'), join(folder, 'fetched.errors.jsonl')]
  expect((await quiver('jobs', 'wait', stderr.trim(), '--output', output, '--errors', errors)).status).toBe(0)
  for (const [fetched, downloaded] of [
    [output, 'left.output.jsonl'],
    [errors, 'left.errors.jsonl'],
  ] as const) {
    expect(readFileSync(fetched, 'utf8')).toBe(readFileSync(join(folder, downloaded), 'utf8'))
  }
}, 120_000)

test.each([
  [['jobs', 'submit', 'INPUT', '--output', '/nowhere/lines.jsonl.gz']],
  [['batch', 'run', 'INPUT', '--output', '/nowhere/output.jsonl']],
  [['batch', 'run', 'INPUT', '--errors', '/nowhere/errors.jsonl']],
])(
  'where nothing can be written is told before anything is computed: %j',
  async (words) => {
    const input = pathOf('unwritable.txt', 'one\n')
    const before = (await quiver('jobs', 'list', '--json')).stdout
    const { status, stdout, stderr } = await quiver(...words.map((word) => (word === 'INPUT' ? input : word)))
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^quiver: \/nowhere\/\S+ cannot be written \(ENOENT\)\.\n$/)
    expect((await quiver('jobs', 'list', '--json')).stdout).toBe(before)
  },
  120_000,
)

test('a list shows how far jobs are, and takes a status and a number', async () => {
  const all = JSON.parse((await quiver('jobs', 'list', '--json')).stdout)
  const ids = async (...words: string[]) =>
    JSON.parse((await quiver('jobs', 'list', '--json', ...words)).stdout).map(({ id }: { id: string }) => id)
  expect(await ids('--limit', '1')).toEqual([all[0].id])
  expect(await ids('--status', 'running,pending')).toEqual([])
  expect(await ids('--status', 'SUCCEEDED')).toEqual(all.map(({ id }: { id: string }) => id))
  const batches = await ids('--status', 'completed')
  expect(batches.length).toBeGreaterThan(0)
  expect(batches.every((id: string) => id.startsWith('batch_'))).toBe(true)
  const { stdout } = await quiver('jobs', 'list')
  expect(stdout).toMatch(/batch_\S+ +│ completed +│ 2\/2, 1 failed +│/)
  expect(stdout).toMatch(/[0-9a-f-]{36} +│ SUCCEEDED +│ 3\/3 +│/)
}, 120_000)

test.each([
  ['--status', 'done', /some of pending/],
  ['--limit', '0', /1 to 100/],
])(
  'a list of %s %s is refused',
  async (option, value, words) => {
    expect(await quiver('jobs', 'list', option, value)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(words),
    })
  },
  60_000,
)

test('what is wrong with a batch file is said with its lines, and nothing is written', async () => {
  const input = pathOf('wrong.jsonl', `${request('a', 64)}\n${request('a', 64)}\n`)
  const { status, stderr } = await quiver('batch', 'run', input)
  expect(status).toBe(1)
  expect(stderr).toMatch(/wrong\.jsonl:2: The custom_id 'a'/)
  expect(existsSync(join(folder, 'wrong.output.jsonl'))).toBe(false)
}, 120_000)

test('the secret of the callbacks is that of the home, or of the configuration', () => {
  const print = (environment: Record<string, string>) =>
    execFileSync(process.execPath, [QUIVER, 'callback-secret'], { env: environment, encoding: 'utf8' })
  const secret = print({ QUIVER_HOME: folder })
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=\n$/)
  expect(print({ QUIVER_HOME: folder })).toBe(secret)
  const own = 'one of sixteen characters'
  expect(print({ QUIVER_HOME: folder, QUIVER_CALLBACK_SECRET: own })).toBe(`${own}\n`)
  expect(print({ QUIVER_HOME: folder, QUIVER_SECRET: 's'.repeat(32) })).not.toBe(secret)
}, 60_000)

test.each([
  [['jobs', 'show', '0385dc79-5ff8-4d82-bcb6-9c6e54a6e1c1'], /there is no job/],
  [['jobs', 'wait', 'batch_0'], /batch_0|not found/i],
  [['jobs', 'submit', '/nowhere/lines.txt'], /no file that can be read/],
  [['batch', 'run', '/nowhere/lines.jsonl'], /no file that can be read/],
])(
  '%j fails in one line',
  async (words, line) => {
    const { status, stderr } = await quiver(...words)
    expect(status).toBe(1)
    expect(stderr).toMatch(line)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  },
  60_000,
)
