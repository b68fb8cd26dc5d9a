import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, expect, test } from 'vitest'

const QUIVER = fileURLToPath(new URL('../../packages/server/bin/quiver.js', import.meta.url))
/** More than are embedded between two notes of how far it is. */
const LINES = 2500

let folder: string
let input: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quiver-resume-'))
  input = join(folder, 'lines.txt')
  writeFileSync(input, Array.from({ length: LINES }, (_, i) => `line ${i} 不尽长江滚滚来`).join('\n'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const wordsFor = (output: string) => [
  ...['embed', '--input', input, '--output', output], // the ending says the format
  ...['--model', 'text-embedding-v4', '--dimension', '64'],
]
const environment = () => ({ ...process.env, QUIVER_HOME: folder })
const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

test.each(['npy', 'jsonl', 'parquet'])(
  'a run that was killed goes on where it was: %s',
  async (format) => {
    const whole = join(folder, `whole.${format}`)
    expect(spawnSync(process.execPath, [QUIVER, ...wordsFor(whole)], { env: environment() }).status).toBe(0)

    const output = join(folder, `killed.${format}`)
    const first = spawn(process.execPath, [QUIVER, ...wordsFor(output)], {
      env: environment(),
      stdio: 'ignore',
    })
    const ended = once(first, 'exit')
    while (!existsSync(`${output}.part.json`) && first.exitCode === null) await sleep(20)
    first.kill('SIGKILL')
    await ended
    expect(existsSync(output)).toBe(false)
    const { linesDone } = JSON.parse(readFileSync(`${output}.part.json`, 'utf8'))
    expect(linesDone).toBeGreaterThan(0)

    expect(spawnSync(process.execPath, [QUIVER, ...wordsFor(output)], { env: environment() }).status).toBe(0)
    expect(digest(output)).toBe(digest(whole))
    expect(existsSync(`${output}.part`)).toBe(false)
    expect(existsSync(`${output}.part.json`)).toBe(false)
  },
  300_000,
)

test('a run that the disk stopped keeps what it has, and goes on when there is room', () => {
  const [whole, output] = [join(folder, 'roomy.npy'), join(folder, 'full.npy')]
  expect(spawnSync(process.execPath, [QUIVER, ...wordsFor(whole)], { env: environment() }).status).toBe(0)

  // The largest file a process may write stands for the disk: the last write before it is short, the next one fails.
  const limited = ['-c', 'ulimit -f 900; exec "$@"', 'sh', process.execPath, QUIVER, ...wordsFor(output)]
  const stopped = spawnSync('sh', limited, { env: environment(), encoding: 'utf8' })
  expect(stopped).toMatchObject({ status: 1, stderr: `quiver: ${output} cannot be written (EFBIG).\n` })
  expect(JSON.parse(readFileSync(`${output}.part.json`, 'utf8')).linesDone).toBeGreaterThan(0)

  expect(spawnSync(process.execPath, [QUIVER, ...wordsFor(output)], { env: environment() }).status).toBe(0)
  expect(digest(output)).toBe(digest(whole))
}, 300_000)

test('a run does not go on from one whose model was another', () => {
  const [whole, output] = [join(folder, 'one-space.npy'), join(folder, 'two-spaces.npy')]
  expect(spawnSync(process.execPath, [QUIVER, ...wordsFor(whole)], { env: environment() }).status).toBe(0)
  const limited = ['-c', 'ulimit -f 900; exec "$@"', 'sh', process.execPath, QUIVER, ...wordsFor(output)]
  expect(spawnSync('sh', limited, { env: environment() }).status).toBe(1)

  // As if another model had written what there is.
  const notes = JSON.parse(readFileSync(`${output}.part.json`, 'utf8'))
  const { space, ...facts } = JSON.parse(notes.resumeKey)
  expect(space).toMatch(/^[0-9a-f]{16}$/)
  const resumeKey = JSON.stringify({ ...facts, space: '0123456789abcdef' })
  writeFileSync(`${output}.part.json`, JSON.stringify({ ...notes, resumeKey }))
  writeFileSync(`${output}.part`, Buffer.alloc(notes.bytes))

  expect(spawnSync(process.execPath, [QUIVER, ...wordsFor(output)], { env: environment() }).status).toBe(0)
  expect(digest(output)).toBe(digest(whole))
}, 300_000)

test('of two runs that write one file, one is refused and the other unharmed', async () => {
  const output = join(folder, 'twice.npy')
  const first = spawn(process.execPath, [QUIVER, ...wordsFor(output)], { env: environment(), stdio: 'ignore' })
  const ended = once(first, 'exit')
  while (!existsSync(`${output}.part.json`) && first.exitCode === null) await sleep(20)
  const second = spawnSync(process.execPath, [QUIVER, ...wordsFor(output)], { env: environment(), encoding: 'utf8' })
  expect(second).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(`${output} is being written by another run`),
  })
  expect(await ended).toEqual([0, null])
  expect(readFileSync(output)).toHaveLength(128 + LINES * 64 * 4)
  expect(existsSync(`${output}.part.lock`)).toBe(false)
}, 300_000)

test('a line that is too long is told before those in front of it are embedded', () => {
  const [long, output] = [join(folder, 'long.txt'), join(folder, 'long.npy')]
  writeFileSync(long, `first\n${'word '.repeat(9000)}`)
  const words = ['embed', '--input', long, '--output', output]
  const run = spawnSync(process.execPath, [QUIVER, ...words], { env: environment(), encoding: 'utf8' })
  expect(run).toMatchObject({ status: 1, stderr: 'quiver: text 1 (from 0) has more than 8192 tokens.\n' })
  expect(existsSync(`${output}.part`)).toBe(false)
}, 60_000)

test('a folder in the place of the output is told before anything is computed', () => {
  const output = join(folder, 'folder.npy')
  mkdirSync(output)
  const run = spawnSync(process.execPath, [QUIVER, ...wordsFor(output)], { env: environment(), encoding: 'utf8' })
  expect(run).toMatchObject({ status: 1, stderr: `quiver: ${output} is a folder, not a file.\n` })
  expect(existsSync(`${output}.part`)).toBe(false)
})

test('parquet has the rows of the JSON lines, as other programs read it', async () => {
  const lines = join(folder, 'short.jsonl')
  const table = join(folder, 'short.parquet')
  writeFileSync(input, Array.from({ length: 1234 }, (_, i) => `line ${i % 40}`).join('\n'))
  for (const output of [lines, table]) {
    expect(spawnSync(process.execPath, [QUIVER, ...wordsFor(output)], { env: environment() }).status).toBe(0)
  }
  const expected = readFileSync(lines, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(table) })
  expect(rows).toHaveLength(1234)
  expect(rows.map(({ index }) => Number(index))).toEqual(expected.map(({ index }) => index))
  expect(rows.map(({ tokens }) => tokens)).toEqual(expected.map(({ tokens }) => tokens))
  for (const i of [0, 999, 1000, 1233]) {
    expect(rows[i]?.embedding).toEqual(expected[i].embedding.map(Math.fround))
  }
}, 300_000)

test('an empty line anywhere in a file is told before anything is computed', () => {
  const holed = join(folder, 'holed.txt')
  const output = join(folder, 'holed.npy')
  writeFileSync(holed, 'one\ntwo\n\nthree\n')
  writeFileSync(`${output}.part`, 'of an earlier run')
  const run = spawnSync(process.execPath, [QUIVER, 'embed', '--input', holed, '--output', output], {
    env: environment(),
    encoding: 'utf8',
  })
  expect(run.status).toBe(1)
  expect(run.stderr).toBe('quiver: text 2 (from 0) is empty; --skip-empty leaves such lines out.\n')
  expect(readFileSync(`${output}.part`, 'utf8')).toBe('of an earlier run')
})
