import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, expect, test } from 'vitest'
import { ChildRunner, type ChildRunnerOptions } from './child-runner.js'

/** What the child below is told to do. */
type Job =
  | { tellEnvironment: true }
  | { echo: string }
  | { waitMs: number; echo: string }
  | { eat: true }
  | { die: true }
  | { fail: string }
interface Setup {
  refuse?: string
  /** A file; the process dies while loading as long as it is there. */
  dieWhile?: string
}
type Runner = ChildRunner<Setup, { pid: number }, Job, string>

const folder = mkdtempSync(join(tmpdir(), 'quiver-child-'))
const child = join(folder, 'child.mjs')
const dist = new URL('../../../dist/engines/child/serve-child.js', import.meta.url)
writeFileSync(
  child,
  `import { existsSync } from 'node:fs'
  import { setTimeout as wait } from 'node:timers/promises'
  import { serveChild } from '${dist.href}'
  const eaten = []
  serveChild({
    async load({ refuse, dieWhile }) {
      if (refuse) throw new Error(refuse)
      if (dieWhile && existsSync(dieWhile)) process.exit(7)
      return { pid: process.pid }
    },
    async run(job) {
      if (job.tellEnvironment) return JSON.stringify(process.env)
      if (job.die) process.kill(process.pid, 'SIGSEGV')
      if (job.fail) throw new Error(job.fail)
      if (job.eat) for (;;) { eaten.push(Buffer.alloc(2 ** 24, 1)); await wait(1) }
      if (job.waitMs) await wait(job.waitMs)
      return job.echo
    },
    async close() {},
  })`,
)

const open: Runner[] = []
const { signal } = new AbortController()
async function start(changes: Partial<ChildRunnerOptions<Setup>> = {}): Promise<Runner> {
  const { runner } = await ChildRunner.start<Setup, { pid: number }, Job, string>({
    name: 'test',
    path: pathToFileURL(child),
    setup: {},
    memoryLimitBytes: 2 ** 30,
    jobTimeoutMs: 60_000,
    signal,
    ...changes,
  })
  open.push(runner)
  return runner
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((runner) => runner.close()))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('the child has none of our environment, and ONNX Runtime reports nothing from there', async () => {
  const runner = await start()
  const environment = JSON.parse(await runner.run({ tellEnvironment: true }, { signal }))
  expect(environment).toMatchObject({ ORT_DISABLE_TELEMETRY: '1', ORT_TELEMETRY_DISABLED: '1' })
  expect(environment).not.toHaveProperty('PATH')
})

test('jobs are answered, each with its own answer', async () => {
  const runner = await start()
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map((echo) => runner.run({ echo }, { signal })))
  expect(answers).toEqual(['a', 'b', 'c', 'd'])
})

test('at most two jobs of a lane are with the process; another lane goes past them', async () => {
  const runner = await start()
  const done: string[] = []
  const run = (job: Job, lane: string) => runner.run(job, { signal, lane }).then((echo) => done.push(echo))
  await Promise.all([
    run({ waitMs: 400, echo: 'slow 1' }, 'slow'),
    run({ waitMs: 400, echo: 'slow 2' }, 'slow'),
    run({ echo: 'waited for room' }, 'slow'),
    run({ echo: 'other lane' }, 'quick'),
  ])
  expect(done[0]).toBe('other lane')
  expect(done[1]).toMatch(/^slow/) // that made the room
})

test('a job that breaks harms no other', async () => {
  const runner = await start()
  const [broken, sound] = await Promise.allSettled([
    runner.run({ fail: 'no such layer' }, { signal }),
    runner.run({ echo: 'fine' }, { signal }),
  ])
  expect(broken).toMatchObject({
    reason: { name: 'ApiError', cause: { message: /failed on this input: no such layer/ } },
  })
  expect(sound).toMatchObject({ value: 'fine' })
})

test('when the process dies, what it ran fails; what was on its way, or waits, is computed by the next one', async () => {
  const runner = await start()
  const pid = runner.pid
  const settled = await Promise.allSettled(
    [{ die: true } as const, { echo: 'on its way' }, { echo: 'waited' }].map((job) => runner.run(job, { signal })),
  )
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
  expect(settled[0]).toMatchObject({ reason: { cause: { message: expect.stringContaining('SIGSEGV') } } })
  expect(runner.pid).not.toBe(pid)
  expect(runner.isUp).toBe(true)
})

test('a process that takes too much memory is ended, saying how much', async () => {
  const runner = await start({ memoryLimitBytes: 200 * 2 ** 20 })
  await expect(runner.run({ eat: true }, { signal })).rejects.toMatchObject({
    cause: { message: expect.stringMatching(/took \d+ MiB of memory; 200 MiB are allowed/) },
  })
  expect(await runner.run({ echo: 'again' }, { signal })).toBe('again')
})

test('a job without an answer ends the process', async () => {
  const runner = await start({ jobTimeoutMs: 300 })
  await expect(runner.run({ waitMs: 60_000, echo: '' }, { signal })).rejects.toMatchObject({
    cause: { message: expect.stringContaining('no answer within 300 ms') },
  })
})

test('what is no longer wanted is rejected at once; what waits for nothing is never sent', async () => {
  const runner = await start()
  const gone = new AbortController()
  const running = runner.run({ waitMs: 300, echo: 'still wanted' }, { signal })
  const unwanted = [1, 2, 3].map(() => runner.run({ waitMs: 60_000, echo: '' }, { signal: gone.signal, lane: 'other' }))
  gone.abort(new Error('gone'))
  await expect(Promise.any(unwanted)).rejects.toThrow()
  expect(await running).toBe('still wanted')
  await expect(runner.run({ echo: '' }, { signal: gone.signal })).rejects.toThrow('gone')
})

test('what cannot be loaded is told in its own words', async () => {
  await expect(start({ setup: { refuse: 'no weights' } })).rejects.toThrow('no weights')
})

test('a process that never comes up again is given up', async () => {
  const dieWhile = join(folder, 'die')
  const runner = await start({ setup: { dieWhile } })
  writeFileSync(dieWhile, '')
  const [died, waited] = await Promise.allSettled([
    runner.run({ die: true }, { signal }),
    new Promise((resolve) => setTimeout(resolve, 100)).then(() => runner.run({ echo: 'never' }, { signal })),
  ])
  expect(died.status).toBe('rejected')
  expect(waited).toMatchObject({ reason: { cause: { message: expect.stringContaining('code 7') } } })
  expect(runner.isUp).toBe(false)
  await expect(runner.run({ echo: '' }, { signal })).rejects.toMatchObject({ name: 'ApiError' })
})

test('closing ends the process and rejects what is under way', async () => {
  const runner = await start()
  const pid = runner.pid ?? 0
  const running = runner.run({ waitMs: 200, echo: '' }, { signal })
  const closed = runner.close()
  await expect(running).rejects.toThrow(/shutting down/)
  await closed
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
})

test('a start that is aborted leaves nothing', async () => {
  const stop = AbortSignal.abort(new Error('stop'))
  await expect(start({ signal: stop })).rejects.toThrow('stop')
})
