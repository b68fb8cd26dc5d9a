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
