import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { missing, modelPath } from '../test-models.test.support.js'
import { OnnxGraph } from './split-graph.js'

/** A field of a protobuf whose content has a length below 16,384. */
const field = (number: number, content: Uint8Array | string) => {
  const bytes = Buffer.from(content as string) // copies bytes as well
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7]
  return Buffer.concat([Buffer.of((number << 3) | 2, ...length), bytes])
}
const node = (inputs: string[], outputs: string[], ...attributes: Uint8Array[]) =>
  field(
    1,
    Buffer.concat([
      ...inputs.map((name) => field(1, name)),
      ...outputs.map((name) => field(2, name)),
      ...attributes.map((attribute) => field(5, attribute)),
    ]),
  )
const value = (number: number, name: string) => field(number, field(1, name))
const weights = (name: string) => field(5, field(8, name))
const model = (...graph: Uint8Array[]) => Buffer.concat([Buffer.of(8, 9), field(7, Buffer.concat(graph))])

/** left → a → text; right → b → picture; both → compared. */
const BOTH = [
  node(['left', 'w'], ['a']),
  node(['right', 'v'], ['b']),
  node(['a', 'shared'], ['text']),
  node(['b', 'shared'], ['picture']),
  node(['text', 'picture'], ['compared']),
  weights('w'),
  weights('v'),
  weights('shared'),
  value(11, 'left'),
  value(11, 'right'),
  value(12, 'compared'),
  value(12, 'text'),
  value(12, 'picture'),
]

test('kept is what an output depends on, in its order, and nothing else', () => {
  const graph = new OnnxGraph(model(...BOTH))
  expect(graph.outputs).toEqual(['compared', 'text', 'picture'])
  const [a, , text, , , w, , shared, left, , , out] = BOTH as Uint8Array[]
  expect(graph.partFor('text')).toEqual(model(...([a, text, w, shared, left, out] as Uint8Array[])))
  expect(new OnnxGraph(graph.partFor('picture')).outputs).toEqual(['picture'])
})

test('what graphs inside of a node use is kept', () => {
  const inner = Buffer.concat([node(['outer', 'own'], ['result']), value(12, 'passed')])
  const branch = node(['choice'], ['text'], field(6, inner))
  const kept = [branch, weights('outer'), weights('passed'), value(11, 'choice'), value(12, 'text')]
  expect(new OnnxGraph(model(...kept, weights('other'))).partFor('text')).toEqual(model(...kept))
})

test.each([
  ['nothing', Buffer.alloc(0)],
  ['a text', Buffer.from('no graph at all')],
  ['a graph that is cut off', model(...BOTH).subarray(0, -5)],
  ['a number without an end', Buffer.alloc(40, 0xff)],
  ['a length beyond the file', Buffer.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1)],
])('%s is no graph', (_, bytes) => {
  expect(() => new OnnxGraph(bytes)).toThrow(RangeError)
})

describe.skipIf(missing('tiny-chinese-clip'))('a real one', () => {
  test('becomes two without the numbers of the other', () => {
    const bytes = readFileSync(modelPath('tiny-chinese-clip/onnx/model.onnx'))
    const graph = new OnnxGraph(bytes)
    const [text, picture] = ['text_embeds', 'image_embeds'].map((name) => graph.partFor(name).length)
    expect((text ?? 0) + (picture ?? 0)).toBeLessThan(bytes.length)
    expect(text).toBeGreaterThan(21_128 * 32 * 4)
    expect(picture).toBeLessThan(500_000)
  })
})
