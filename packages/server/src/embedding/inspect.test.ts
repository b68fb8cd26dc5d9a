import { expect, test } from 'vitest'
import { Catalog } from '../catalog/catalog.js'
import type { Engine, TokenInspector } from '../engines/engine.js'
import { fakeEngine } from '../engines/fake-engine.test.support.js'
import { createInspect } from './inspect.js'
import { type EngineSpec, RunningEngines } from './running-engines.js'

const model = new Catalog().get('text-embedding-v4')

/** One token a UTF-16 unit, its code being the id. */
const inspector: TokenInspector = {
  vocabulary: 128,
  special: new Map([
    [0, '<s>'],
    [1, '</s>'],
  ]),
  frame: { before: [0], after: [1] },
  prompts: { query: 'query: ', document: 'passage: ' },
  tokenize: async () => ({ ids: new Int32Array(0), isOverLimit: false }),
  tokenText: () => '',
  locate: async (text, maxTokens) => ({
    tokens: Array.from(text.slice(0, maxTokens), (unit, i) => ({ id: unit.charCodeAt(0), start: i, end: i + 1 })),
    isOverLimit: text.length > maxTokens,
  }),
  decode: (ids) => ids.map((id) => (id === 0 ? '<s>' : String.fromCharCode(id))).join(''),
}
const engine = fakeEngine({ identity: 'f'.repeat(64), inspector })
const { signal } = new AbortController()
const inspectOf = async (served: Engine) => {
  const spec: EngineSpec = { id: served.id, dimension: 8, startsWith: 'required', start: async () => served }
  const engines = new RunningEngines([spec], { maxQueued: 1 })
  await engines.startRequired(signal)
  return createInspect(engines)
}
const tokensOf = async () => (await inspectOf(engine)).tokensOf(model, signal)

test('a prompt is part of the text, and the frame is named', async () => {
  const tokens = await tokensOf()
  const [located] = await tokens.locate(['x'], { prompt: 'query' })
  expect(located).toMatchObject({
    text: 'query: x',
    before: [{ id: 0, name: '<s>' }],
    after: [{ id: 1, name: '</s>' }],
  })
  expect(located?.tokens.at(-1)).toEqual({ id: 120, start: 7, end: 8 })
  expect((await tokens.locate(['x'], {}))[0]?.text).toBe('x')
})

test('the bound counts all texts together', async () => {
  const tokens = await tokensOf()
  const half = 'x'.repeat(65_536)
  expect(await tokens.locate([half, half], {})).toHaveLength(2)
  await expect(tokens.locate([half, half, 'x'], {})).rejects.toThrow('more than 131072 tokens together')
})

test('special tokens are left out unless they are asked for', async () => {
  const tokens = await tokensOf()
  expect(tokens.decode([0, 97, 98], { keepSpecial: false, field: 'ids[0]' })).toBe('ab')
  expect(tokens.decode([0, 97, 98], { keepSpecial: true, field: 'ids[0]' })).toBe('<s>ab')
})

test('an id that the vocabulary does not have is named with its place', async () => {
  const tokens = await tokensOf()
  expect(() => tokens.decode([97, 128], { keepSpecial: false, field: 'ids[2]' })).toThrow(
    'ids[2][1] is 128; the vocabulary has the ids 0 to 127.',
  )
})

test('an engine whose tokenizer is somebody else’s says so', async () => {
  const { inspector: _, ...closed } = engine
  const blind = await inspectOf(closed)
  await expect(blind.tokensOf(model, signal)).rejects.toMatchObject({ row: 'not_supported' })
  expect(blind.describe(model)).toEqual({ identity: 'f'.repeat(64), window: 4 })
})

test('an engine that has not started is told of by what is known before', () => {
  const network = { format: 'onnx', bytes: 1, arithmetic: 'float32', pooling: 'mean' }
  const spec: EngineSpec = {
    id: engine.id,
    dimension: 8,
    network,
    startsWith: 'demand',
    start: () => Promise.reject(new Error('must not be started')),
  }
  expect(createInspect(new RunningEngines([spec], { maxQueued: 1 })).describe(model)).toEqual({ network })
})
