import { expect, test } from 'vitest'
import { Batcher } from '../embedding/batcher.js'
import { fakeMultimodalEngine } from '../engines/fake-multimodal-engine.test.support.js'
import { inPasses, passOf, withPasses } from './passes.js'

const { signal } = new AbortController()
const picture = (red: number) => ({ width: 1, height: 1, rgb: Uint8Array.of(red, 0, 0) })
const caption = (text: string) => ({ ids: Int32Array.of(text.charCodeAt(0)), isCut: false })

test('texts and pictures of one moment are one call each, and come back in order', async () => {
  const engine = fakeMultimodalEngine()
  const batcher = new Batcher(withPasses(engine), { maxQueued: 9 })
  const claim = { caller: '', request: {}, priority: 'interactive' as const, signal }
  const raw = await Promise.all(
    [passOf({ picture: picture(7) }), passOf({ caption: caption('a') }), passOf({ picture: picture(9) })].map((pass) =>
      batcher.run(pass, claim),
    ),
  )
  expect(engine.calls).toEqual([['a'], ['1x1 7,0,0', '1x1 9,0,0']])
  const [text] = await engine.embedTexts([caption('a')], { signal })
  const pictures = await engine.embedPictures([picture(7), picture(9)], { signal })
  expect(raw.map(({ dense }) => dense)).toEqual([pictures[0], text, pictures[1]])
})

test('an engine that returns too few vectors is a fault of ours, not a wrong answer', async () => {
  const engine = withPasses(fakeMultimodalEngine({ embedPictures: async () => [] }))
  await expect(engine.embed([passOf({ picture: picture(1) })], { signal })).rejects.toThrow(TypeError)
})

test('what an engine says of itself is seen through', async () => {
  let isUp = true
  const fake = Object.defineProperty(fakeMultimodalEngine(), 'isUp', { get: () => isUp })
  const spec = { id: 'x', dimension: 8, startsWith: 'demand' as const, start: async () => fake }
  const engine = await inPasses(spec).start(signal)
  expect([engine.id, engine.inner, engine.isUp]).toEqual(['fake-image', fake, true])
  isUp = false
  expect(engine.isUp).toBe(false)
})
