import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Charge, Ledger } from '../usage/ledger.js'
import { ForeignSpace } from './foreign-space.js'
import type { Job, Lease, NewJob, ShardPlan } from './job.js'
import { type AftermathOf, BLAMED_LOSSES, type JobStore, type SubmitOptions } from './job-store.js'

const START = Date.UTC(2026, 0, 1)
const DAY = 24 * 3600
const at = (seconds: number) => new Date(START + seconds * 1000)
const NO_LIMITS: SubmitOptions = { maxOpen: 1000, minIntervalMs: 0, maxBytes: 1e12 }

/** A job in a lane of its own, so that tests do not stand in each other's way. */
function newJob(changes: Partial<NewJob> = {}): NewJob {
  const id = randomUUID()
  return {
    id,
    project: 'default',
    keyId: 'key',
    kind: 'task',
    model: 'model',
    source: 'https://example.com/lines.txt',
    options: { textType: 'query' },
    lane: { name: id, limit: 3 },
    createdAt: at(0),
    expiresAt: at(1000),
    ...changes,
  }
}

const plan = (shards: readonly ShardPlan[]) => ({
  model: 'model',
  inputKey: 'jobs/input',
  inputBytes: 700,
  totalLines: shards.reduce((sum, { lineCount }) => sum + lineCount, 0),
  shards,
  now: at(10),
})
const shards = (...counts: number[]): ShardPlan[] =>
  counts.map((lineCount, i) => ({ firstLine: i * 1000, lineCount, startByte: i * 50_000 }))

const chargeOf = (lease: Lease, tokens: number): Charge => ({
  id: `shard:${lease.job.id}:${lease.firstLine}:space`,
  project: lease.job.project,
  keyId: lease.job.keyId,
  kind: 'shard',
  reference: lease.job.id,
  model: 'model',
  space: 'space',
  inputs: lease.lineCount,
  tokens,
  priceMicrosPer1kTokens: 700,
  at: at(20),
})
const resultOf = (lease: Lease, tokens = 7) => ({
  outputKey: `jobs/${lease.job.id}/${lease.firstLine}.${lease.fence}`,
  completedLines: lease.lineCount,
  failedLines: 0,
  tokens,
  engineSpace: 'engine',
  charges: [chargeOf(lease, tokens)],
})
const untold: AftermathOf = () => ({ notify: false, purgeAt: at(5000) })
const WAITING = { state: 'waiting', failures: 0 }
const ENDED = { state: 'succeeded', notify: false, purgeAt: at(5000), now: at(100) } as const

/** What every job store promises; each implementation calls this with a way to open an empty one. */
export function jobStoreSuite(
  name: string,
  open: () => Promise<{ store: JobStore; ledger: Ledger; close(): Promise<void> }>,
): void {
  describe(`${name} as a job store`, () => {
    let store: JobStore
    let ledger: Ledger
    let close: () => Promise<void>
    beforeAll(async () => {
      ;({ store, ledger, close } = await open())
    })
    afterAll(() => close())

    const find = async ({ project, kind, id }: Pick<Job, 'project' | 'kind' | 'id'>) => {
      const job = await store.find(project, kind, id)
      if (job === undefined) throw new Error(`no job ${id}`)
      return job
    }
    /** The next part of this job; those of jobs that other tests left are given back. */
    const claim = async (id: string, { holder = 'a', now = 10 }: { holder?: string; now?: number } = {}) => {
      for (let tries = 0; tries < 200; tries++) {
        const lease = await store.claim({ holder, now: at(now), until: at(now + 30) })
        if (lease === undefined || lease.job.id === id) return lease
        await store.release(lease, { notBefore: at(now + 300) })
      }
      return undefined
    }
    const mustClaim = async (id: string, options: { holder?: string; now?: number } = {}) => {
      const lease = await claim(id, options)
      if (lease === undefined) throw new Error(`no part of ${id} can be claimed`)
      return lease
    }
    const submitPlanned = async (...counts: number[]) => {
      const job = await store.submit(newJob(), NO_LIMITS)
      await store.commitPlan(await mustClaim(job.id), plan(shards(...counts)))
      return job
    }

    test('a job goes from its submission to its end, and adds up', async () => {
      const wanted = newJob()
      const submitted = await store.submit(wanted, NO_LIMITS)
      expect(submitted).toEqual({
        ...wanted,
        state: 'queued',
        completedLines: 0,
        failedLines: 0,
        tokens: 0,
        spaces: [],
        faults: [],
        results: {},
        purgeAt: wanted.expiresAt,
      })
      const planning = await mustClaim(submitted.id, { now: 5 })
      expect(planning).toMatchObject({ stage: 'plan', fence: 1, losses: 0, failures: 0, holder: 'a' })
      expect(await find(submitted)).toMatchObject({ state: 'planning', startedAt: at(5) })
      expect(await store.commitPlan(planning, plan(shards(1000, 500)))).toBe(true)
      expect(await find(submitted)).toMatchObject({ state: 'computing', totalLines: 1500, plannedAt: at(10) })
      for (const firstLine of [0, 1000]) {
        const lease = await mustClaim(submitted.id)
        expect(lease).toMatchObject({ stage: 'compute', firstLine, startByte: firstLine * 50, skipLines: 0 })
        const result = { ...resultOf(lease), completedLines: lease.lineCount - 2, failedLines: 2 }
        expect(await store.commitShard(lease, result, at(20))).toBe(true)
      }
      expect(await find(submitted)).toMatchObject({
        state: 'finishing',
        completedLines: 1496,
        failedLines: 4,
        tokens: 14,
      })
      const finishing = await mustClaim(submitted.id)
      expect(finishing.stage).toBe('finish')
      expect(await store.partsOf(finishing)).toEqual([
        { firstLine: 0, outputKey: `jobs/${submitted.id}/0.1` },
        { firstLine: 1000, outputKey: `jobs/${submitted.id}/1000.1` },
      ])
      expect(await store.end(finishing, { ...ENDED, results: { output: 'key' } })).toBe(true)
      const ended = await find(submitted)
      expect(ended).toMatchObject({
        state: 'succeeded',
        endedAt: at(100),
        purgeAt: at(5000),
        results: { output: 'key' },
      })
      expect(await claim(submitted.id)).toBeUndefined()
      expect(await ledger.totalsOf('default', submitted.id)).toEqual({
        charges: 2,
        inputs: 1500,
        tokens: 14,
        amountNanos: 14 * 700,
      })
    })

    test('a job without lines is put together at once', async () => {
      const job = await submitPlanned()
      expect(await mustClaim(job.id)).toMatchObject({ stage: 'finish' })
    })

    test('only the newest lease commits, and an old one leaves nothing behind', async () => {
      const job = await submitPlanned(10)
      const old = await mustClaim(job.id, { holder: 'a', now: 20 })
      expect(await claim(job.id, { holder: 'b', now: 50 })).toBeUndefined()
      const newest = await mustClaim(job.id, { holder: 'b', now: 51 })
      expect(newest).toMatchObject({ fence: old.fence + 1, losses: 1 })
      expect(await store.renew(old, at(100))).toBe('lost')
      expect(await store.commitShard(old, resultOf(old, 1000), at(60))).toBe(false)
      expect(await store.release(old, { notBefore: at(0) })).toBe(false)
      expect(await ledger.totalsOf('default', job.id)).toMatchObject({ charges: 0, tokens: 0 })
      expect(await find(job)).toMatchObject({ completedLines: 0, tokens: 0, state: 'computing' })
      expect(await store.commitShard(newest, resultOf(newest), at(60))).toBe(true)
      expect(await store.commitShard(newest, resultOf(newest), at(60))).toBe(false)
      expect(await ledger.totalsOf('default', job.id)).toMatchObject({ charges: 1, tokens: 7 })
    })

    test('a plan and an end are fenced too', async () => {
      const job = await store.submit(newJob(), NO_LIMITS)
      const old = await mustClaim(job.id, { now: 10 })
      const newest = await mustClaim(job.id, { now: 100 })
      expect(await store.commitPlan(old, plan(shards(5)))).toBe(false)
      expect(await store.end(old, ENDED)).toBe(false)
      expect(await find(job)).toMatchObject({ state: 'planning' })
      expect(await store.commitPlan(newest, plan(shards(5)))).toBe(true)
    })

    test('a lease that is renewed is not taken', async () => {
      const job = await submitPlanned(10)
      const lease = await mustClaim(job.id, { now: 20 })
      expect(await store.renew(lease, at(200))).toBe('held')
      expect(await claim(job.id, { now: 150 })).toBeUndefined()
      expect((await mustClaim(job.id, { now: 201 })).fence).toBe(lease.fence + 1)
    })

    test('of holders that are gone everything can be taken at once', async () => {
      const job = await submitPlanned(10)
      await mustClaim(job.id, { holder: 'gone', now: 20 })
      expect(await store.holders()).toContain('gone')
      expect(await claim(job.id, { now: 21 })).toBeUndefined()
      await store.disown(['gone'])
      expect(await mustClaim(job.id, { now: 21 })).toMatchObject({ losses: 1 })
    })

    test('a part given back waits its time and remembers why', async () => {
      const job = await submitPlanned(10)
      const lease = await mustClaim(job.id, { now: 20 })
      expect(await store.release(lease, { notBefore: at(40), failure: { name: 'engine_failed', at: at(20) } })).toBe(
        true,
      )
      expect(await claim(job.id, { now: 39 })).toBeUndefined()
      const again = await mustClaim(job.id, { now: 40 })
      expect(again).toMatchObject({ failures: 1, failingSince: at(20), losses: 0, fence: lease.fence + 1 })
      await store.release(again, { notBefore: at(40) })
      const third = await mustClaim(job.id, { now: 40 })
      expect(third).toMatchObject({ failures: 1, losses: 0 })
      await store.release(third, { notBefore: at(50), failure: { name: 'engine_failed', at: at(45) } })
      const fourth = await mustClaim(job.id, { now: 50 })
      expect(fourth).toMatchObject({ failures: 2, lastFailure: 'engine_failed', failingSince: at(20) })
      await store.release(fourth, { notBefore: at(60), failure: { name: 'space_changed', at: at(55) } })
      expect(await mustClaim(job.id, { now: 60 })).toMatchObject({ failures: 3, failingSince: at(55) })
    })

    test('the first result says in which space a job is computed, and no result of another one is taken', async () => {
      const job = await submitPlanned(10, 10, 10)
      const [first, second, blank] = [await mustClaim(job.id), await mustClaim(job.id), await mustClaim(job.id)]
      await store.commitShard(blank, { completedLines: 10, failedLines: 0, tokens: 0, charges: [] }, at(19))
      expect((await find(job)).engineSpace).toBeUndefined()
      await store.commitShard(first, resultOf(first), at(20))
      expect(await find(job)).toMatchObject({ engineSpace: 'engine', spaces: ['space'], progressedAt: at(20) })
      const foreign = { ...resultOf(second), engineSpace: 'other' }
      await expect(store.commitShard(second, foreign, at(21))).rejects.toBeInstanceOf(ForeignSpace)
      expect(await find(job)).toMatchObject({ completedLines: 20, tokens: 7, spaces: ['space'], progressedAt: at(20) })
      expect(await ledger.totalsOf('default', job.id)).toMatchObject({ charges: 1 })
      const charges = [{ ...chargeOf(second, 7), id: `${job.id} 2`, space: 'shorter' }]
      expect(await store.commitShard(second, { ...resultOf(second), charges }, at(22))).toBe(true)
      expect(await find(job)).toMatchObject({ completedLines: 30, spaces: ['space', 'shorter'], state: 'finishing' })
    })

    test('a job that fails while it is computed goes on to its end, with what was computed', async () => {
      const job = await submitPlanned(10, 10, 10)
      const [first, second, third] = [await mustClaim(job.id), await mustClaim(job.id), await mustClaim(job.id)]
      await store.commitShard(first, resultOf(first), at(20))
      const faults = [{ code: 'SpaceChanged', message: 'no', row: 'space_changed' as const }]
      expect(await store.fail(second, faults)).toBe(true)
      expect(await store.fail(second, faults)).toBe(false)
      expect(await store.renew(third, at(100))).toBe('unwanted')
      await store.release(third, { notBefore: at(20) })
      for (let i = 0; i < 2; i++) {
        const lease = await mustClaim(job.id, { now: 21 })
        expect(lease).toMatchObject({ stage: 'compute', job: { outcome: 'failed', faults, state: 'computing' } })
        await store.commitShard(lease, { completedLines: 0, failedLines: 10, tokens: 0, charges: [] }, at(22))
      }
      expect(await mustClaim(job.id, { now: 22 })).toMatchObject({ stage: 'finish', job: { outcome: 'failed' } })
      expect(await find(job)).toMatchObject({ completedLines: 10, failedLines: 20, tokens: 7 })
    })

    test('a job that was asked to stop before it failed ends as it was asked to', async () => {
      const job = await submitPlanned(10)
      const lease = await mustClaim(job.id)
      await store.cancel(job, { now: at(15), onlyQueued: false, aftermathOf: untold })
      expect(await store.fail(lease, [{ code: 'c', message: 'm' }])).toBe(true)
      expect(await mustClaim(job.id)).toMatchObject({ job: { outcome: 'cancelled', faults: [] } })
    })

    test('a clock that is put back by a day keeps nothing waiting', async () => {
      const tomorrow = 24 * 3600
      const failed = await submitPlanned(10)
      const other = await mustClaim(failed.id, { now: tomorrow })
      await store.release(other, { notBefore: at(tomorrow + 300), failure: { name: 'engine_failed', at: at(20) } })
      expect(await mustClaim(failed.id, { now: 20 })).toMatchObject({ failures: 1 })
      const leased = await submitPlanned(10)
      const lease = await mustClaim(leased.id, { holder: 'elsewhere', now: tomorrow })
      expect(await mustClaim(leased.id, { now: 20 })).toMatchObject({ fence: lease.fence + 1 })
      expect(await store.commitShard(lease, resultOf(lease), at(21))).toBe(false)
    })

    test('a job that was served before the clock was put back takes its turn', async () => {
      const before = await submitPlanned(10, 10, 10)
      await mustClaim(before.id, { now: 24 * 3600 })
      const after = await submitPlanned(10, 10, 10)
      const turns: string[] = []
      for (let i = 0; turns.length < 4; i++) {
        const lease = await store.claim({ holder: 'a', now: at(20 + i), until: at(50 + i) })
        if (lease === undefined) throw new Error('nothing to claim')
        if ([before.id, after.id].includes(lease.job.id)) turns.push(lease.job.id)
      }
      expect(turns.filter((id) => id === before.id)).toHaveLength(2)
    })

    test('a shard that ends its process is split until the line is found', async () => {
      const job = await submitPlanned(1000)
      const poisoned = 437
      let now = 100
      let crashes = 0
      let found: Lease | undefined
      while (found === undefined) {
        now += 100
        const lease = await mustClaim(job.id, { now })
        expect(lease.startByte).toBe(0)
        expect(lease.skipLines).toBe(lease.firstLine)
        const isHit = lease.firstLine <= poisoned && poisoned < lease.firstLine + lease.lineCount
        if (isHit && lease.lineCount === 1 && lease.losses >= BLAMED_LOSSES) found = lease
        else if (isHit) crashes++
        else await store.commitShard(lease, resultOf(lease), at(now))
      }
      expect(found).toMatchObject({ firstLine: poisoned, lineCount: 1 })
      expect(crashes).toBeLessThan(16)
      await store.commitShard(found, { completedLines: 0, failedLines: 1, tokens: 0, charges: [] }, at(now))
      for (let lease = await claim(job.id, { now }); lease?.stage === 'compute'; lease = await claim(job.id, { now })) {
        await store.commitShard(lease, resultOf(lease), at(now))
      }
      expect(await find(job)).toMatchObject({ completedLines: 999, failedLines: 1 })
    })

    test('of a hundred submissions with one key there is one job', async () => {
      const idempotency = { operation: 'o', key: randomUUID(), fingerprint: 'body' }
      const lane = { name: randomUUID(), limit: 3 }
      const jobs = await Promise.all(
        Array.from({ length: 100 }, () => store.submit(newJob({ lane }), { ...NO_LIMITS, idempotency })),
      )
      expect(new Set(jobs.map(({ id }) => id)).size).toBe(1)
      expect(await store.list({ project: 'default', kind: 'task', id: jobs[0]?.id ?? '', limit: 5 })).toMatchObject({
        total: 1,
      })
    })

    test('a key with another body is refused, another project has keys of its own', async () => {
      const idempotency = { operation: 'o', key: randomUUID(), fingerprint: 'body' }
      const first = await store.submit(newJob(), { ...NO_LIMITS, idempotency })
      const other = { ...idempotency, fingerprint: 'other body' }
      await expect(store.submit(newJob(), { ...NO_LIMITS, idempotency: other })).rejects.toMatchObject({
        row: 'idempotency_conflict',
      })
      const foreign = await store.submit(newJob({ project: 'p2' }), { ...NO_LIMITS, idempotency: other })
      expect(foreign.id).not.toBe(first.id)
      expect((await store.submit(newJob(), { ...NO_LIMITS, idempotency })).id).toBe(first.id)
    })

    test('a submission that was refused does not use up its key', async () => {
      const lane = { name: randomUUID(), limit: 1 }
      const blocking = await store.submit(newJob({ lane }), NO_LIMITS)
      const options = {
        maxOpen: 1,
        maxBytes: 1e12,
        minIntervalMs: 0,
        idempotency: { operation: 'o', key: randomUUID(), fingerprint: 'f' },
      }
      const refused = { row: 'rate_limited', retryAfterSeconds: 30 }
      await expect(store.submit(newJob({ lane }), options)).rejects.toMatchObject(refused)
      await store.cancel(blocking, { now: at(1), onlyQueued: true, aftermathOf: untold })
      expect(await store.submit(newJob({ lane }), options)).toMatchObject({ state: 'queued' })
    })

    test('a lane takes so many jobs, and not too fast', async () => {
      const lane = { name: randomUUID(), limit: 1 }
      const limits = { maxOpen: 2, minIntervalMs: 1000, maxBytes: 1e12 }
      await store.submit(newJob({ lane, createdAt: at(0) }), limits)
      await expect(store.submit(newJob({ lane, createdAt: at(0.4) }), limits)).rejects.toMatchObject({
        row: 'rate_limited',
        retryAfterSeconds: 1,
      })
      await store.submit(newJob({ lane, createdAt: at(1) }), limits)
      await expect(store.submit(newJob({ lane, createdAt: at(9) }), limits)).rejects.toThrow('there are 2')
    })

    test('of a lane only so many jobs run, the others wait', async () => {
      const lane = { name: randomUUID(), limit: 2 }
      const jobs = []
      for (let i = 0; i < 3; i++) jobs.push(await store.submit(newJob({ lane, createdAt: at(i) }), NO_LIMITS))
      const [first, second, third] = jobs as [Job, Job, Job] // three were submitted
      const lease = await mustClaim(first.id)
      await mustClaim(second.id)
      expect(await claim(third.id)).toBeUndefined()
      expect((await find(third)).state).toBe('queued')
      await store.end(lease, ENDED)
      // What the search for a part of the third gave back of the second can be claimed again, so it is looked for by id.
      expect(await mustClaim(third.id)).toMatchObject({ stage: 'plan' })
    })

    test('jobs take turns', async () => {
      const jobs = [await submitPlanned(10, 10, 10), await submitPlanned(10, 10, 10)]
      const ids = new Set(jobs.map(({ id }) => id))
      const order: string[] = []
      for (let i = 0; order.length < 4; i++) {
        const lease = await store.claim({ holder: 'a', now: at(2000 + i), until: at(9000) })
        if (lease === undefined) throw new Error('nothing to claim')
        if (ids.has(lease.job.id)) order.push(lease.job.id)
      }
      expect(order[0]).not.toBe(order[1])
      expect(order.slice(2)).toEqual(order.slice(0, 2))
    })

    test('inputs of open jobs and results count as kept, and a full project submits nothing more', async () => {
      const project = randomUUID()
      const idempotency = { operation: 'o', key: randomUUID(), fingerprint: 'f' }
      const job = await store.submit(newJob({ project }), { ...NO_LIMITS, idempotency })
      await store.commitPlan(await mustClaim(job.id), plan([]))
      const submit = (maxBytes: number, changes: Partial<NewJob> = {}) =>
        store.submit(newJob({ project, ...changes }), { ...NO_LIMITS, maxBytes })
      const full = { row: 'file_quota_exceeded', message: expect.stringContaining('700 bytes may be kept') }
      await expect(submit(700)).rejects.toMatchObject(full)
      expect((await store.submit(newJob({ project }), { ...NO_LIMITS, maxBytes: 700, idempotency })).id).toBe(job.id)
      await submit(700, { project: randomUUID() })
      await store.end(await mustClaim(job.id), { ...ENDED, keptBytes: 300 })
      await expect(submit(300)).rejects.toMatchObject({ row: 'file_quota_exceeded' })
      await submit(301)
      await submit(300, { createdAt: at(5000) }) // the result has gone by then
    })

    test('of shards that could not be read no more lines fail than the job has lines with an answer', async () => {
      const job = await store.submit(newJob(), NO_LIMITS)
      await store.commitPlan(await mustClaim(job.id), { ...plan(shards(10, 10, 10)), totalLines: 27 })
      const unread = { completedLines: 0, failedLines: 10, tokens: 0, charges: [] }
      await store.commitShard(await mustClaim(job.id), unread, at(20))
      const lease = await mustClaim(job.id)
      await store.commitShard(lease, { ...resultOf(lease), completedLines: 9 }, at(21))
      await store.commitShard(await mustClaim(job.id), unread, at(22))
      expect(await find(job)).toMatchObject({ state: 'finishing', totalLines: 27, completedLines: 9, failedLines: 18 })
    })

    test('projects take turns, however many jobs each of them has', async () => {
      const [many, one]: [string, string] = [randomUUID(), randomUUID()]
      for (const project of [many, many, many, many, many, one]) {
        const job = await store.submit(newJob({ project }), NO_LIMITS)
        await store.commitPlan(await mustClaim(job.id), plan(shards(10, 10, 10)))
      }
      const turns: string[] = []
      for (let i = 0; turns.filter((project) => project === one).length < 3; i++) {
        const lease = await store.claim({ holder: 'a', now: at(3000 + i), until: at(9000) })
        if (lease === undefined) throw new Error('nothing to claim')
        if ([many, one].includes(lease.job.project)) turns.push(lease.job.project)
      }
      expect(turns.filter((project) => project === many).length).toBeLessThanOrEqual(3)
    })

    test('a queued job is cancelled at once', async () => {
      const job = await store.submit(newJob(), NO_LIMITS)
      expect(await store.cancel(job, { now: at(3), onlyQueued: true, aftermathOf: untold })).toMatchObject({
        state: 'cancelled',
        endedAt: at(3),
        cancelAskedAt: at(3),
      })
      expect(await claim(job.id)).toBeUndefined()
    })

    test('a queued job that is cancelled is kept as long as any other, and who waits for its end is told', async () => {
      const told: AftermathOf = (job, endedAt) => {
        expect(job.state).toBe('queued')
        return { notify: true, purgeAt: new Date(endedAt.getTime() + 5_000_000) }
      }
      const job = await store.submit(newJob(), NO_LIMITS)
      await store.cancel(job, { now: at(3), onlyQueued: false, aftermathOf: told })
      expect(await find(job)).toMatchObject({ state: 'cancelled', purgeAt: at(5003), notice: WAITING })
      expect(await store.purgeable(at(5002), 1000)).not.toContain(job.id)
      expect(await store.purgeable(at(5003), 1000)).toContain(job.id)
      expect(await mustClaim(job.id)).toMatchObject({ stage: 'notify', job: { state: 'cancelled' } })
    })

    test('so is one whose time was over before it began', async () => {
      const told: AftermathOf = (_job, endedAt) => ({
        notify: true,
        purgeAt: new Date(endedAt.getTime() + 5_000_000),
      })
      const job = await store.submit(newJob({ expiresAt: at(50) }), NO_LIMITS)
      await store.expire(at(60), told)
      expect(await find(job)).toMatchObject({ state: 'expired', endedAt: at(60), purgeAt: at(5060), notice: WAITING })
      expect(await store.purgeable(at(60), 1000)).not.toContain(job.id)
      expect(await mustClaim(job.id, { now: 61 })).toMatchObject({ stage: 'notify', job: { state: 'expired' } })
    })

    test('a running job learns that it is cancelled from its lease', async () => {
      const job = await submitPlanned(10)
      const lease = await mustClaim(job.id)
      expect(await store.cancel(job, { now: at(15), onlyQueued: true, aftermathOf: untold })).toMatchObject({
        state: 'computing',
      })
      expect(await store.renew(lease, at(100))).toBe('held')
      expect(await store.cancel(job, { now: at(15), onlyQueued: false, aftermathOf: untold })).toMatchObject({
        state: 'cancelling',
        outcome: 'cancelled',
        cancelAskedAt: at(15),
      })
      expect(await store.renew(lease, at(100))).toBe('unwanted')
      await store.release(lease, { notBefore: at(15) })
      const again = await mustClaim(job.id, { now: 16 })
      expect(again.job.outcome).toBe('cancelled')
      expect(await store.renew(again, at(100))).toBe('held')
    })

    test('what has had its time expires', async () => {
      const running = await store.submit(newJob({ expiresAt: at(50) }), NO_LIMITS)
      const lease = await mustClaim(running.id)
      const queued = await store.submit(newJob({ expiresAt: at(50) }), NO_LIMITS)
      const later = await store.submit(newJob({ expiresAt: at(51) }), NO_LIMITS)
      expect(await store.expire(at(50), untold)).toBeGreaterThanOrEqual(2)
      expect(await find(queued)).toMatchObject({ state: 'expired', outcome: 'expired', endedAt: at(50) })
      expect(await find(running)).toMatchObject({ state: 'planning', outcome: 'expired' })
      expect(await find(later)).toMatchObject({ state: 'queued' })
      expect(await store.renew(lease, at(100))).toBe('unwanted')
    })

    test('who wants to be told is told once the job has ended', async () => {
      const job = await submitPlanned()
      await store.end(await mustClaim(job.id), { ...ENDED, notify: true })
      const lease = await mustClaim(job.id)
      expect(lease).toMatchObject({ stage: 'notify', job: { state: 'succeeded' } })
      expect(await find(job)).toMatchObject({ notice: WAITING })
      expect(await store.settle(lease, 'told')).toBe(true)
      expect(await store.settle(lease, 'told')).toBe(false)
      expect(await claim(job.id)).toBeUndefined()
      expect(await find(job)).toMatchObject({ notice: { state: 'told', failures: 0 } })
    })

    test('who cannot be told is tried for longer than a clock could be wrong, and given up once', async () => {
      const job = await submitPlanned()
      await store.end(await mustClaim(job.id), { ...ENDED, notify: true })
      await store.release(await mustClaim(job.id), {
        notBefore: at(3600),
        failure: { name: 'download_failed', at: at(0) },
      })
      expect(await claim(job.id, { now: 3599 })).toBeUndefined()
      const lease = await mustClaim(job.id, { now: 3600 })
      expect(await store.settle(lease, 'given_up')).toBe(true)
      expect(await claim(job.id, { now: 9000 })).toBeUndefined()
      const { jobs } = await store.list({ project: job.project, kind: job.kind, id: job.id, limit: 1 })
      expect(jobs).toMatchObject([{ notice: { state: 'given_up', failures: 1 } }])
    })

    test('the load counts jobs by their states, and what waits, since when', async () => {
      const countOf = async (kind: string, state: string) =>
        (await store.load(at(0))).jobs.find((row) => row.kind === kind && row.state === state)?.count ?? 0
      const cancelling = await countOf('task', 'cancelling')
      const job = await submitPlanned(1000, 10)
      await mustClaim(job.id)
      await store.cancel(job, { now: at(15), onlyQueued: false, aftermathOf: untold })
      expect(await countOf('task', 'cancelling')).toBe(cancelling + 1)
      const queued = await countOf('task', 'queued')
      await store.submit(newJob(), NO_LIMITS)
      expect(await countOf('task', 'queued')).toBe(queued + 1)
      const { waiting, callbacksGivenUp } = await store.load(at(10))
      expect(waiting.find(({ stage }) => stage === 'compute')?.count).toBeGreaterThanOrEqual(1)
      const { since } = waiting.find(({ stage }) => stage === 'plan') ?? {}
      expect(since?.getTime()).toBeLessThanOrEqual(at(0).getTime())
      expect(callbacksGivenUp).toBeGreaterThanOrEqual(1) // of the test before
    })

    test("another project's job does not exist", async () => {
      const job = await store.submit(newJob(), NO_LIMITS)
      expect(await store.find('p2', 'task', job.id)).toBeUndefined()
      expect(await store.find('default', 'batch', job.id)).toBeUndefined()
      expect(
        await store.cancel({ ...job, project: 'p2' }, { now: at(1), onlyQueued: false, aftermathOf: untold }),
      ).toBeUndefined()
      expect(await store.list({ project: 'p2', kind: 'task', id: job.id, limit: 10 })).toEqual({ jobs: [], total: 0 })
      expect((await find(job)).state).toBe('queued')
    })

    test('the list is filtered by everything it can be, newest first', async () => {
      const project = randomUUID()
      const make = (seconds: number, changes: Partial<NewJob> = {}) =>
        store.submit(newJob({ project, kind: 'batch', createdAt: at(seconds), ...changes }), NO_LIMITS)
      const first = await make(1, { name: 'Nightly run', source: 'file-1', keyId: 'k1' })
      const second = await make(2, { name: 'other', source: 'file-2', model: 'm2' })
      const third = await make(3)
      await store.cancel(second, { now: at(4), onlyQueued: true, aftermathOf: untold })
      const ids = async (query: Partial<Parameters<JobStore['list']>[0]>) =>
        (await store.list({ project, kind: 'batch', limit: 10, ...query })).jobs.map(({ id }) => id)
      expect(await ids({})).toEqual([third.id, second.id, first.id])
      expect(await store.list({ project, kind: 'batch', limit: 1, offset: 1 })).toMatchObject({
        total: 3,
        jobs: [{ id: second.id }],
      })
      expect(await ids({ afterId: third.id })).toEqual([second.id, first.id])
      expect(await ids({ afterId: 'unknown' })).toEqual([])
      expect(await ids({ nameContains: 'Night' })).toEqual([first.id])
      expect(await ids({ nameContains: '%' })).toEqual([])
      expect(await ids({ sources: ['file-2', 'file-3'] })).toEqual([second.id])
      expect(await ids({ sources: [] })).toEqual([])
      expect(await ids({ keyId: 'k1' })).toEqual([first.id])
      expect(await ids({ model: 'm2' })).toEqual([second.id])
      expect(await ids({ states: ['cancelled', 'failed'] })).toEqual([second.id])
      expect(await ids({ states: [] })).toEqual([])
      expect(await ids({ createdFrom: at(2), createdUntil: at(2) })).toEqual([second.id])
      expect(await ids({ id: first.id })).toEqual([first.id])
    })

    test('a job is forgotten in its time, its charges are not', async () => {
      const job = await submitPlanned(10)
      const lease = await mustClaim(job.id)
      await store.commitShard(lease, resultOf(lease), at(20))
      expect(await store.knownAmong([job.id, 'unknown'])).toEqual(new Map([[job.id, { hasEnded: false }]]))
      await store.end(await mustClaim(job.id), { ...ENDED, purgeAt: at(300) })
      expect(await store.knownAmong([job.id])).toEqual(new Map([[job.id, { hasEnded: true }]]))
      expect(await store.purgeable(at(299), 1000)).not.toContain(job.id)
      expect(await store.purgeable(at(300), 1000)).toContain(job.id)
      await store.purge(job.id)
      expect(await store.find('default', 'task', job.id)).toBeUndefined()
      expect(await store.purgeable(at(300), 1000)).not.toContain(job.id)
      expect(await ledger.totalsOf('default', job.id)).toMatchObject({ charges: 1, tokens: 7 })
    })

    test('a key names its submission for a day, whether its job is still known or not', async () => {
      const idempotency = { operation: 'o', key: randomUUID(), fingerprint: 'body' }
      const other = { ...idempotency, fingerprint: 'other' }
      const submitAt = (seconds: number, key = idempotency) =>
        store.submit(newJob({ createdAt: at(seconds) }), { ...NO_LIMITS, idempotency: key })
      const first = await submitAt(0)
      expect((await submitAt(DAY - 1)).id).toBe(first.id)
      await expect(submitAt(DAY - 1, other)).rejects.toMatchObject({ row: 'idempotency_conflict' })
      const second = await submitAt(DAY, other)
      expect(second.id).not.toBe(first.id)
      expect((await submitAt(2 * DAY - 1, other)).id).toBe(second.id)
      await expect(submitAt(DAY + 1)).rejects.toMatchObject({ row: 'idempotency_conflict' })
    })

    test('old keys are forgotten, young ones are not', async () => {
      const idempotency = { operation: 'o', key: randomUUID(), fingerprint: 'body' }
      // A clock that was put back asks for a key of the future; only one that is there is found.
      const submit = () => store.submit(newJob({ createdAt: at(0) }), { ...NO_LIMITS, idempotency })
      const first = await submit()
      await store.forgetKeys(at(DAY - 1))
      expect((await submit()).id).toBe(first.id)
      await store.forgetKeys(at(DAY))
      expect((await submit()).id).not.toBe(first.id)
    })
  })
}
