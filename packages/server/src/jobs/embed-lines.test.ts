import { ApiError } from '@quiver/protocol'
import { expect, test } from 'vitest'
import { Catalog } from '../catalog/catalog.js'
import { type CheckedRequest, check } from '../catalog/check.js'
import type { Embedded } from '../embedding/embed.js'
import { type EmbedForJob, embedLines, isAlike } from './embed-lines.js'

const catalog = new Catalog()
const { signal } = new AbortController()
const options = { signal, newControl: () => 'control', pause: async () => {} }
const requestOf = (...inputs: string[]): CheckedRequest =>
  check(
    {
      model: 'text-embedding-v4',
      inputs,
      textType: 'document',
      outputType: 'dense',
      fields: { inputs: 'input', dimension: 'dimensions' },
    },
    catalog,
  )

/** Vectors hold the length of their text; `bad` texts fail, alone and in company. */
function engine(isBad: (text: string) => ApiError | undefined): { embed: EmbedForJob; calls: number[] } {
  const calls: number[] = []
  return {
    calls,
    async embed({ inputs, model }) {
      calls.push(inputs.length)
      const fault = inputs.map(isBad).find((error) => error !== undefined)
      if (fault !== undefined) throw fault
      const embeddings = inputs.map((text, index) => ({
        index,
        dense: Float32Array.of(text.length),
        tokens: text.length,
      }))
      return { model: model.id, embeddings, totalTokens: inputs.join('').length, space: 's', engineSpace: 'e' }
    },
  }
}
const firsts = (results: (Embedded | ApiError)[]) =>
  results.map((result) =>
    result instanceof ApiError ? result.row : result.embeddings.map(({ index, dense }) => [index, dense?.[0]]),
  )

test('requests that are computed as one come apart as they went in', async () => {
  const { embed, calls } = engine(() => undefined)
  const results = await embedLines([requestOf('a', 'bb'), requestOf('ccc')], { ...options, embed })
  expect(calls).toEqual([3])
  expect(firsts(results)).toEqual([
    [
      [0, 1],
      [1, 2],
    ],
    [[0, 3]],
  ])
  expect(results.map((result) => (result instanceof ApiError ? 0 : result.totalTokens))).toEqual([3, 3])
})

test('a wrong request fails alone, in few calls', async () => {
  const { embed, calls } = engine((text) => (text === 'bad' ? new ApiError('invalid_parameter', 'no') : undefined))
  const requests = Array.from({ length: 64 }, (_, i) => requestOf(i === 37 ? 'bad' : 'good'))
  const results = firsts(await embedLines(requests, { ...options, embed }))
  expect(results[37]).toBe('invalid_parameter')
  expect(results.filter((result) => Array.isArray(result))).toHaveLength(63)
  expect(calls.length).toBe(1 + 2 * 6)
})

const failed = () => new ApiError('engine_failed', 'no')

test('a request on which the model fails is tried again, with growing pauses', async () => {
  let failures = 3
  const { embed } = engine((text) => (text === 'flaky' && failures-- > 0 ? failed() : undefined))
  const pauses: number[] = []
  const pause = async (count: number) => void pauses.push(count)
  expect(firsts(await embedLines([requestOf('flaky')], { ...options, embed, pause }))).toEqual([[[0, 5]]])
  expect(pauses).toEqual([0, 1, 2])
})

test('it is blamed when the model computes other texts meanwhile', async () => {
  const { embed, calls } = engine((text) => (text === 'bad' ? failed() : undefined))
  const requests = [requestOf('good'), requestOf('bad')]
  expect(firsts(await embedLines(requests, { ...options, embed }))).toEqual([[[0, 4]], 'engine_failed'])
  expect(calls.toSorted()).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 2]) // both, a control, the good one, five tries, a control
})

test('a model that computes nothing at all is nobody’s fault', async () => {
  const { embed, calls } = engine(failed)
  const requests = Array.from({ length: 64 }, () => requestOf('good'))
  await expect(embedLines(requests, { ...options, embed })).rejects.toMatchObject({ row: 'not_ready' })
  expect(calls).toEqual([64, 1, 1, 1, 1, 1, 1, 1])
  await expect(embedLines([requestOf('good')], { ...options, embed })).rejects.toMatchObject({ row: 'not_ready' })
})

test('a model that a request ends is waited for before the request is blamed', async () => {
  let loading = 0
  const embed: EmbedForJob = async (request) => {
    if (loading-- > 0) throw new ApiError('not_ready', 'loading')
    if (request.inputs.includes('bad')) loading = 3
    return engine((text) => (text === 'bad' ? failed() : undefined)).embed(request)
  }
  expect(firsts(await embedLines([requestOf('bad')], { ...options, embed }))).toEqual(['engine_failed'])
})

test('a server without room is nobody’s fault', async () => {
  const { embed, calls } = engine(() => new ApiError('overloaded', 'later'))
  await expect(embedLines([requestOf('a'), requestOf('b')], { ...options, embed })).rejects.toMatchObject({
    row: 'overloaded',
  })
  expect(calls).toEqual([2])
})

test('only what differs in nothing but its inputs is computed together', () => {
  const one = requestOf('a')
  expect(isAlike(one, requestOf('b', 'c'))).toBe(true)
  expect(isAlike(one, { ...one, dimension: 64 })).toBe(false)
  expect(isAlike(one, { ...one, instruct: 'find papers' })).toBe(false)
  expect(isAlike({ ...one, instruct: 'find papers' }, one)).toBe(false)
})
