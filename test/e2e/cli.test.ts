import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'

const QUIVER = fileURLToPath(new URL('../../packages/server/bin/quiver.js', import.meta.url))
const folder = () => mkdtempSync(join(tmpdir(), 'quiver-cli-'))

function quiver(words: string[], options: { input?: string; environment?: Record<string, string> } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [QUIVER, ...words], {
    encoding: 'utf8',
    input: options.input ?? '',
    env: { PATH: process.env.PATH, QUIVER_HOME: folder(), ...options.environment },
  })
  return { status, stdout, stderr }
}

const rows = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test('help says enough to need no manual', () => {
  const { status, stdout } = quiver(['--help'])
  expect(status).toBe(0)
  for (const word of ['serve', 'embed', 'models', 'doctor', 'Examples:']) expect(stdout).toContain(word)
  expect(quiver(['serve', '--help']).stdout).toMatch(/--max-body-bytes <value>[\s\S]*QUIVER_MAX_BODY_BYTES/)
})

test('arguments become JSON lines in their order', () => {
  const { status, stdout } = quiver(['embed', '你好', 'hello', '--dimension', '64'])
  expect(status).toBe(0)
  expect(rows(stdout).map(({ index, embedding }) => [index, embedding.length])).toEqual([
    [0, 64],
    [1, 64],
  ])
})

test('nothing is reported to anyone: ONNX Runtime leaves no identifier of this machine', () => {
  const cache = folder()
  expect(quiver(['embed', 'hello'], { environment: { XDG_CACHE_HOME: cache, HOME: cache } }).status).toBe(0)
  expect(readdirSync(cache)).toEqual([])
})

test('a file, standard input and arguments give the same vectors; base64 is bit-equal', () => {
  const path = join(folder(), 'lines.txt')
  writeFileSync(path, 'one\r\ntwo\n')
  const expected = rows(quiver(['embed', 'one', 'two']).stdout)
  expect(rows(quiver(['embed', '--file', path]).stdout)).toEqual(expected)
  expect(rows(quiver(['embed'], { input: 'one\ntwo\n' }).stdout)).toEqual(expected)
  const [first] = rows(quiver(['embed', '--encoding', 'base64', 'one']).stdout)
  const bytes = Buffer.from(first.embedding, 'base64')
  const floats: number[] = expected[0].embedding
  expect(floats.map(Math.fround)).toEqual(floats.map((_, i) => bytes.readFloatLE(i * 4)))
})

test('npy has the header and the rows that NumPy reads', () => {
  const output = join(folder(), 'vectors.npy')
  expect(quiver(['embed', 'a', 'b', 'c', '--dimension', '128', '--format', 'npy', '--output', output]).status).toBe(0)
  const bytes = readFileSync(output)
  expect(bytes.subarray(0, 8).toString('latin1')).toBe('\x93NUMPY\x01\x00')
  expect(bytes.toString('latin1', 10, 128)).toContain("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 128), }")
  expect(bytes).toHaveLength(128 + 3 * 128 * 4)
})

test('an empty line stops the command and leaves no file, unless it is to be skipped', () => {
  const home = folder()
  const output = join(home, 'out.jsonl')
  const stopped = quiver(['embed', '--output', output], { input: 'a\n\nb\n' })
  expect([stopped.status, stopped.stderr]).toEqual([1, expect.stringContaining('text 1 (from 0) is empty')])
  expect(readdirSync(home)).toEqual([])
  expect(quiver(['embed', '--output', output, '--skip-empty'], { input: 'a\n\nb\n' }).status).toBe(0)
  expect(rows(readFileSync(output, 'utf8')).map(({ index }) => index)).toEqual([0, 2])
  expect(existsSync(`${output}.part`)).toBe(false)
})

test.each([
  [['embed', 'x', '--dimension', '100'], 1, /dimension for text-embedding-v4 is invalid/],
  [['embed', 'x', '--dimension', 'many'], 2, /whole number/],
  [['embed', 'x', '--model', 'none'], 1, /The model `none` does not exist/],
  [['embed', '--file', '/nowhere/x.txt'], 1, /x.txt cannot be read \(ENOENT\)/],
  [['embed', 'x', '--file', 'y'], 2, /not both/],
  [['embed', 'x', '--format', 'npy'], 2, /npy needs --output/],
  [['embed', 'x', '--output', '/nowhere/out.jsonl'], 1, /cannot be written \(ENOENT\)/],
  [['embed', 'x', '--text-type', 'x'], 2, /Allowed choices are query, document/],
  [['serve', '--prot', '1'], 2, /unknown option '--prot'/],
  [['serve', '--port', 'x', '--host', '0.0.0.0'], 2, /port: [\s\S]*host: /],
  [['serve', '--home', '/proc/quiver'], 1, /home: \/proc\/quiver cannot be written/],
  [['nonsense'], 2, /unknown command/],
])('quiver %j ends with code %i and one clear line', (words, status, message) => {
  const result = quiver(words)
  expect(result.stderr).toMatch(message)
  expect(result.stderr).not.toMatch(/^ {4}at /m)
  expect(result.status).toBe(status)
})

test('tokens are shown as usage counts them', () => {
  const [first, second] = rows(quiver(['tokens', '--json', '风急天高', 'hello']).stdout)
  expect(first.tokens.join('').trim()).toBe('风急天高')
  expect([first.count, first.ids.length]).toEqual([first.tokens.length, first.tokens.length])
  expect(rows(quiver(['embed', 'hello', '--dimension', '64']).stdout)[0].tokens).toBe(second.count)
  expect(quiver(['tokens', 'hello']).stdout.replaceAll('|', '')).toMatch(/^ +\d+ {3}hello\n$/)
})

test('models are listed as a table and as JSON', () => {
  expect(quiver(['models']).stdout).toContain('text-embedding-v4')
  const ids = JSON.parse(quiver(['models', '--json']).stdout).map(({ id }: { id: string }) => id)
  expect(ids).toContain('text-embedding-v1')
})

test('a configured name is listed and embeds; a wrong one stops with its path', () => {
  const path = join(folder(), 'quiver.yaml')
  writeFileSync(path, 'models:\n  news:\n    extends: text-embedding-v4\n    defaultDimension: 64\n')
  expect(quiver(['models', '--config', path]).stdout).toMatch(/news .*\(64\)/)
  const [row] = rows(quiver(['embed', '你好', '--model', 'news', '--config', path]).stdout)
  expect(row.embedding).toHaveLength(64)
  writeFileSync(path, 'models:\n  news: { extends: text-embedding-v4, dimensions: [4096], defaultDimension: 4096 }\n')
  const { status, stderr } = quiver(['models', '--config', path])
  expect(stderr).toContain('models.news.dimensions: builtin-text computes 2048 components, got 4096.')
  expect(status).toBe(2)
})

test('doctor finds a sound installation sound', () => {
  const { status, stdout } = quiver(['doctor'])
  expect(stdout).toMatch(/✓ Built-in model: verified/)
  expect(status).toBe(0)
})

test('a port that is taken is one clear line', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  const { port } = other.address() as AddressInfo
  const { status, stderr } = quiver(['serve', '--port', String(port)])
  other.close()
  expect([status, stderr]).toEqual([1, expect.stringContaining(`port ${port} on 127.0.0.1 is taken`)])
})

test('serve says where it is in at most ten lines, keeps a note at home, and drains on SIGTERM', async () => {
  const home = folder()
  const server = spawn(process.execPath, [QUIVER, 'serve', '--port', '0', '--home', home], {
    env: { PATH: process.env.PATH },
  })
  const banner = await firstOutput(server)
  expect(banner.trim().split('\n').length).toBeLessThanOrEqual(10)
  const { url, pid } = JSON.parse(readFileSync(join(home, 'server.json'), 'utf8'))
  expect([pid, banner]).toEqual([server.pid, expect.stringContaining(url)])
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  expect(await (await fetch(`${url}/`)).text()).toContain('swagger-ui')

  const doctor = quiver(['doctor'], { environment: { QUIVER_HOME: home } })
  expect(doctor.stdout).toMatch(/✓ Server: .*ready/)

  const headers = { authorization: 'Bearer any' }
  const running = fetch(`${url}/v1/embeddings`, {
    method: 'POST',
    headers,
    body: JSON.stringify({
      model: 'text-embedding-v4',
      input: Array.from({ length: 4 }, (_, i) => `${i} word `.repeat(900)),
    }),
  })
  const counters = async () => (await fetch(`${url}/metrics`, { headers })).text()
  await vi.waitUntil(async () => /^quiver_queue_waiting\{.*\} [1-9]/m.test(await counters()), {
    timeout: 30_000,
    interval: 20,
  })
  server.kill('SIGTERM')
  expect((await running).status).toBe(200)
  expect(await exitCode(server)).toBe(0)
  expect(existsSync(join(home, 'server.json'))).toBe(false)
})

function firstOutput(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', (data) => resolve(String(data)))
    child.once('exit', (code) => reject(new Error(`the server ended with code ${code}`)))
  })
}

function exitCode(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode)
    else child.once('exit', (code) => resolve(code))
  })
}
