import { setMaxListeners } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { ChildRunner, type ChildRunnerOptions } from '../child/child-runner.js'
import { missing, modelPath } from '../test-models.test.support.js'
import type { ChildJob, ChildResult, ChildSetup, GraphReport } from './child-protocol.js'

type Runner = ChildRunner<ChildSetup, GraphReport, ChildJob, ChildResult>

const { signal } = new AbortController()
const setup: ChildSetup = {
  weightsPath: modelPath('all-minilm-l6-v2/onnx/model.onnx'),
  pooling: 'mean',
  isPromptPooled: true,
  dense: [],
  sparse: undefined,
  threads: 1,
  padId: 0,
  isMemoryKept: true,
  openvino: undefined,
  warmUp: [8],
}
const job = (length: number, passes = 1): ChildJob => ({
  ids: new Int32Array(length * passes).fill(1000),
  lengths: new Int32Array(passes).fill(length),
  promptLengths: new Int32Array(passes),
})

describe.skipIf(missing('all-minilm-l6-v2'))('a process with a model', () => {
  let runner: Runner | undefined
  const start = async (changes: Partial<ChildRunnerOptions<ChildSetup>> = {}) => {
    const started = await ChildRunner.start<ChildSetup, GraphReport, ChildJob, ChildResult>({
      name: 'test',
      path: new URL('../../../dist/engines/onnx/child.js', import.meta.url),
      setup,
      memoryLimitBytes: 4 * 2 ** 30,
      jobTimeoutMs: 60_000,
      signal,
      ...changes,
    })
    runner = started.runner
    return started
  }
  afterEach(() => runner?.close())

  test('says what its graph gives', async () => {
    const { report } = await start()
    expect(report).toEqual({
      dimension: 384,
      isSparse: false,
      output: 'last_hidden_state',
      isPooled: false,
      arithmetic: 'float32',
    })
  })

  test('that is killed loses what ran; what waited is computed by the next one', async () => {
    const { runner: own } = await start()
    const jobs = Array.from({ length: 6 }, () => own.run(job(256, 4), { signal }))
    process.kill(own.pid ?? 0, 'SIGKILL')
    const settled = await Promise.allSettled(jobs)
    const lost = settled.filter(({ status }) => status === 'rejected')
    expect(lost.length).toBeGreaterThan(0)
    expect(lost.length).toBeLessThanOrEqual(2)
    expect(lost[0]).toMatchObject({ reason: { row: 'engine_failed' } })
    expect(own.isUp).toBe(true)
    expect((await own.run(job(4), { signal })).dense).toHaveLength(384)
  }, 60_000)

  test('that grows over its limit is ended, and comes back', async () => {
    const { runner: own } = await start({ memoryLimitBytes: 700 * 2 ** 20 })
    const before = own.pid
    // 512 tokens in 60 passes: attention alone takes more than what is left.
    await expect(own.run(job(512, 60), { signal })).rejects.toMatchObject({
      row: 'engine_failed',
      cause: { message: expect.stringMatching(/took \d+ MiB of memory; 700 MiB are allowed/) },
    })
    expect((await own.run(job(4), { signal })).dense).toHaveLength(384)
    expect(own.pid).not.toBe(before)
  }, 60_000)

  test('that sits on a job too long is ended', async () => {
    const { runner: own } = await start({ jobTimeoutMs: 50 })
    await expect(own.run(job(512, 16), { signal })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('no answer within 50 ms') },
    })
  }, 60_000)

  test('drops jobs that nobody wants any more, and only those', async () => {
    const { runner: own } = await start()
    const gone = new AbortController()
    setMaxListeners(0, gone.signal)
    const running = own.run(job(512, 8), { signal })
    const next = own.run(job(8), { signal })
    const startedAt = performance.now()
    const unwanted = Array.from({ length: 50 }, () => own.run(job(512, 8), { signal: gone.signal }))
    gone.abort(new Error('gone'))
    for (const one of unwanted) await expect(one).rejects.toThrow('gone')
    expect((await running).dense).toHaveLength(8 * 384)
    expect((await next).dense).toHaveLength(384)
    expect(performance.now() - startedAt).toBeLessThan(30_000)
  }, 60_000)

  test('that cannot load its model says why', async () => {
    await expect(start({ setup: { ...setup, weightsPath: '/nowhere.onnx' } })).rejects.toThrow(/nowhere/)
  })

  test('is not started for somebody who has gone', async () => {
    await expect(start({ signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone')
  })
})
