import { mkdtempSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isLoopback, loadSettings } from './config.js'

const fileWith = (content: string) => {
  const path = join(mkdtempSync(join(tmpdir(), 'quiver-config-')), 'quiver.yaml')
  writeFileSync(path, content)
  return path
}

test('nothing given means local defaults', () => {
  expect(loadSettings({})).toMatchObject({
    host: '127.0.0.1',
    port: 8790,
    apiKeys: [],
    home: join(homedir(), '.quiver'),
  })
})

test('flags win over the environment, the environment over the file', () => {
  const file = fileWith('port: 1\nthreads: 1\nmaxBodyBytes: 5000\n')
  const settings = loadSettings({
    file,
    environment: { QUIVER_PORT: '2', QUIVER_THREADS: '2', QUIVER_HOME: '~/elsewhere' },
    flags: { port: '3' },
  })
  expect(settings).toMatchObject({ port: 3, threads: 2, maxBodyBytes: 5000, home: join(homedir(), 'elsewhere') })
})

test('all mistakes are told at once, each with its origin, and keys are not shown', () => {
  const file = fileWith('prot: 1\napiKeys: sk-secret-1, \n')
  const environment = { QUIVER_PORT: '70000', QUIVER_LOG_LEVEL: 'loud', QUIVER_HOST: '' }
  expect(() => loadSettings({ file, environment, flags: { threads: 'two' } })).toThrow(
    expect.objectContaining({
      name: 'ConfigError',
      message: expect.stringMatching(/port: .*"70000" from QUIVER_PORT/),
    }),
  )
  try {
    loadSettings({ file, environment, flags: { threads: 'two' } })
  } catch (error) {
    const { message } = error as Error
    expect(message.split('\n')).toHaveLength(5)
    expect(message).toContain('prot: no such setting')
    expect(message).toContain('"two" from --threads')
    expect(message).not.toContain('sk-secret')
  }
})

test('an address that others can reach needs keys, also when something else is wrong', () => {
  const environment = { QUIVER_HOST: '0.0.0.0', QUIVER_PORT: 'x' }
  expect(() => loadSettings({ environment })).toThrow(/port: [\s\S]*host: 0.0.0.0 can be reached/)
  expect(loadSettings({ environment: { QUIVER_HOST: '0.0.0.0', QUIVER_API_KEYS: 'sk-1, sk-2' } }).apiKeys).toEqual([
    'sk-1',
    'sk-2',
  ])
})

test('a file that is missing or is no settings is one clear line', () => {
  expect(() => loadSettings({ file: '/nowhere/quiver.yaml' })).toThrow(/nowhere\/quiver.yaml: ENOENT/)
  expect(() => loadSettings({ file: fileWith('- a\n- b\n') })).toThrow(/must hold settings/)
  expect(() => loadSettings({ file: fileWith('port: [1\n') })).toThrow(/quiver.yaml: /)
})

test.each([
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['localhost', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0.1.example.org', false],
  ['192.168.0.1', false],
])('%s is loopback: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected)
})

test('models are settings of the file, and their mistakes are told by their path', () => {
  const right = fileWith('models:\n  text-embedding-v4:\n    maxInputs: 100\n')
  expect(loadSettings({ file: right }).models).toEqual({ 'text-embedding-v4': { maxInputs: 100 } })
  const wrong = fileWith('models:\n  text-embedding-v4:\n    maxInput: 100\n    overlong: cut\n')
  expect(() => loadSettings({ file: wrong })).toThrow(/models\.text-embedding-v4\.maxInput: no such setting/)
  expect(() => loadSettings({ file: wrong })).toThrow(/models\.text-embedding-v4\.overlong: .*got "cut" from/)
  expect(loadSettings({ environment: { QUIVER_MODELS: '{}' } }).models).toEqual({})
})

test.each([
  ['true', true],
  ['0', false],
  ['on', true],
])('a switch may be written as %s', (value, expected) => {
  expect(loadSettings({ environment: { QUIVER_AUTO_SPLIT: value } }).autoSplit).toBe(expected)
})

test('engines are settings of the file; their keys come from the environment', () => {
  const file = fileWith(`engines:
  my-qwen:
    kind: upstream
    urls: [http://10.0.0.1:8000, http://10.0.0.2:8000/v1]
    model: Qwen/Qwen3-Embedding-0.6B
    apiKeyEnv: VLLM_KEY
    dimension: 1024
    window: 8192
`)
  expect(loadSettings({ file, environment: { VLLM_KEY: 'sk-1' } }).engines['my-qwen']).toMatchObject({
    protocol: 'auto',
    apiKey: 'sk-1',
    timeoutMs: 30_000,
    maxConcurrency: 32,
  })
  expect(() => loadSettings({ file, environment: {} })).toThrow(
    'engines.my-qwen.apiKeyEnv: the environment has no VLLM_KEY.',
  )
})

test('mistakes of engines are told all at once by their paths, and what may be a key is not shown', () => {
  const file = fileWith(`engines:
  a: { kind: upstream, urls: ["http://user:sk-secret-1@host"], model: m, dimension: 0, window: 512, apiKey: [sk-secret-2] }
  b: { kind: upstream, urls: [http://host, http://host], model: m, dimension: 8, windows: 512 }
  c: { kind: upstream, protocol: dashscope, urls: [http://host], model: m, dimension: 8, window: 9, prompts: { queries: x } }
  d: { kind: upstream, protocol: tei, urls: [http://host], model: m, dimension: 8, window: 9, prompts: { query: "{instruct}" } }
  e: { kind: magic }
  f: { kind: upstream, urls: [ftp://host], model: m, dimension: 8, window: 9, apiKey: sk-secret-3, apiKeyEnv: KEY }
`)
  try {
    loadSettings({ file })
    expect.unreachable()
  } catch (error) {
    const { message } = error as Error
    for (const part of [
      'engines.a.urls.0: must have no user, password or query',
      'engines.a.dimension: ',
      'engines.a.apiKey: ',
      'engines.b.windows: no such setting; there are kind, protocol, urls,',
      'engines.b.window: ',
      'engines.c.prompts.queries: no such setting; there are query, document, instruct.',
      'engines.d.prompts.instruct: must be given',
      'engines.e.kind: ',
      'engines.f.urls.0: must be an http or https URL',
    ]) {
      expect(message).toContain(part)
    }
    expect(message).not.toContain('sk-secret')
  }
})
