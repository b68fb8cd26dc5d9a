import { expect, test } from 'vitest'
import { createMetrics, type EngineLoad } from './metrics.js'

async function linesOf(metrics: ReturnType<typeof createMetrics>, name: string): Promise<string[]> {
  const lines = (await metrics.expose()).split('\n')
  return lines.filter((line) => line.startsWith(name) && !line.startsWith('#'))
}

test('calls of engines: waits by priority, passes of a call, and the share that is padding', async () => {
  const metrics = createMetrics()
  const engine = metrics.engine('minilm')
  engine.waited('interactive', 0.02)
  engine.waited('bulk', 3)
  engine.computed({ passes: 3, tokens: 50, padding: 10, seconds: 0.2 })
  engine.computed({ passes: 1, tokens: 7, padding: 0, seconds: 0.1 })
  expect(await linesOf(metrics, 'quiver_engine_tokens_total')).toEqual([
    'quiver_engine_tokens_total{engine="minilm",kind="text"} 57',
    'quiver_engine_tokens_total{engine="minilm",kind="padding"} 10',
  ])
  const passes = await linesOf(metrics, 'quiver_engine_call_passes')
  expect(passes).toContain('quiver_engine_call_passes_bucket{le="2",engine="minilm"} 1')
  expect(passes).toContain('quiver_engine_call_passes_sum{engine="minilm"} 4')
  expect(await linesOf(metrics, 'quiver_queue_wait_seconds_sum')).toEqual([
    'quiver_queue_wait_seconds_sum{engine="minilm",priority="interactive"} 0.02',
    'quiver_queue_wait_seconds_sum{engine="minilm",priority="bulk"} 3',
  ])
})

test('queues and servers are told as they stand at the scrape, servers by their places', async () => {
  const metrics = createMetrics()
  const server = { isUp: true, running: 2, answered: 10, failed: 1, retried: 1, seconds: 0.5 }
  let loads: EngineLoad[] = [
    { id: 'up', waiting: { interactive: 4, bulk: 0 }, servers: [server, { ...server, isUp: false }] },
  ]
  metrics.watchEngines(() => loads)
  expect(await linesOf(metrics, 'quiver_queue_waiting')).toEqual([
    'quiver_queue_waiting{engine="up",priority="interactive"} 4',
    'quiver_queue_waiting{engine="up",priority="bulk"} 0',
  ])
  expect(await linesOf(metrics, 'quiver_upstream_up')).toEqual([
    'quiver_upstream_up{engine="up",server="1"} 1',
    'quiver_upstream_up{engine="up",server="2"} 0',
  ])
  expect(await linesOf(metrics, 'quiver_upstream_answers_total')).toHaveLength(2)
  loads = [{ id: 'up', waiting: { interactive: 0, bulk: 0 }, servers: [{ ...server, answered: 12 }] }]
  expect(await linesOf(metrics, 'quiver_upstream_answers_total')).toEqual([
    'quiver_upstream_answers_total{engine="up",server="1"} 12',
  ])
})

test('jobs are told as they stand at the scrape; without a database the rest is told all the same', async () => {
  const metrics = createMetrics({ now: () => new Date(100_000) })
  let asked = 0
  let isThere = true
  metrics.watchJobs(async () => {
    asked++
    if (!isThere) throw new Error('the database is away')
    return {
      jobs: [
        { kind: 'task', state: 'computing', count: 2 },
        { kind: 'batch', state: 'queued', count: 1 },
      ],
      waiting: [{ stage: 'compute', count: 7, since: new Date(40_000) }],
      callbacksGivenUp: 3,
    }
  })
  const exposed = (await metrics.expose()).split('\n').filter((line) => /^quiver_(job|callback)/.test(line))
  expect(exposed).toEqual([
    'quiver_jobs{kind="task",state="computing"} 2',
    'quiver_jobs{kind="batch",state="queued"} 1',
    'quiver_job_parts_waiting{stage="compute"} 7',
    'quiver_job_oldest_part_seconds{stage="compute"} 60',
    'quiver_callbacks_given_up 3',
  ])
  expect(asked).toBe(1)
  isThere = false
  expect(await linesOf(metrics, 'quiver_jobs{')).toEqual([])
  expect(await metrics.expose()).toContain('process_cpu_seconds_total')
})
