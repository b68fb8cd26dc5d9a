import { expect, test } from 'vitest'
import { collectEarly, type Runtime } from './early-collection.js'

const MIB = 2 ** 20
const LOOK = 8

/** A process whose arrays have so many bytes; a collection frees what `kinds` says. */
function runtime(kinds: { minor: boolean; whole: boolean }, held = 100 * MIB) {
  const state = { bytes: held, collections: [] as string[] }
  const own: Runtime = {
    arrayBufferBytes: () => state.bytes,
    collect(options) {
      const kind = options?.type ?? 'whole'
      state.collections.push(kind)
      if (kinds[kind]) state.bytes = held
    },
  }
  const afterJob = collectEarly(own)
  const run = (jobs: number, bytesPerJob: number) => {
    for (let job = 0; job < jobs; job++) {
      state.bytes += bytesPerJob
      afterJob()
    }
  }
  return { state, run }
}

test('what a model holds is no garbage', () => {
  const { state, run } = runtime({ minor: true, whole: true })
  run(10 * LOOK, 0)
  expect(state.collections).toEqual([])
})

test('dead arrays are collected when they hold 4 MiB', () => {
  const { state, run } = runtime({ minor: true, whole: true })
  run(10 * LOOK, MIB / LOOK) // the first look sees one MiB, and takes it for held
  expect(state.collections).toEqual(['minor', 'minor'])
  expect(state.bytes).toBeLessThan(105 * MIB)
})

test('those that outlived their youth are collected with everything, and what is held is looked at anew', () => {
  const { state, run } = runtime({ minor: false, whole: false })
  run(LOOK, 0)
  run(LOOK, MIB) // 8 MiB more, which turn out to be held
  run(LOOK, 0)
  expect(state.collections).toEqual(['minor', 'whole'])
  run(10 * LOOK, 0)
  expect(state.collections).toEqual(['minor', 'whole'])
})
