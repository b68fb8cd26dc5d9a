import { expect, test } from 'vitest'
import type { Job } from '../../jobs/job.js'
import type { Exchange } from '../endpoint.js'
import { task } from './tasks.js'

const END = new Date(Date.UTC(2026, 0, 2))
const expired: Job = {
  id: 'one',
  project: 'p',
  keyId: 'k',
  kind: 'task',
  model: 'text-embedding-async-v2',
  source: 'https://example.com/a.txt',
  options: { textType: 'document', requestId: 'r', isOssAllowed: false },
  lane: { name: 'l', limit: 3 },
  createdAt: new Date(Date.UTC(2026, 0, 1)),
  expiresAt: END,
  state: 'expired',
  outcome: 'expired',
  totalLines: 2000,
  completedLines: 1000,
  failedLines: 1000,
  tokens: 7000,
  spaces: ['0123456789abcdef'],
  faults: [],
  results: { output: 'results/one.txt.gz' },
  endedAt: END,
  purgeAt: new Date(Date.UTC(2026, 0, 3)),
}

function show(job: Job): Promise<unknown> {
  const services = {
    jobs: { find: async () => job, now: () => END },
    signer: { signUrl: (key: string, expiresAt: Date) => `${key} until ${expiresAt.toISOString()}` },
    publicUrl: 'http://here',
  }
  const request = { params: { task_id: job.id }, caller: { project: 'p', keyId: 'k' } }
  // All that the endpoint looks at.
  return Promise.resolve(task.handle({ services, request, requestId: 'now' } as unknown as Exchange))
}

test('a task that ran out of its day shows what was computed of it, and what that cost', async () => {
  expect(await show(expired)).toMatchObject({
    output: {
      task_status: 'FAILED',
      code: 'RequestTimeOut',
      url: 'results/one.txt.gz until 2026-01-03T00:00:00.000Z',
      task_metrics: { TOTAL: 2000, SUCCEEDED: 1000, FAILED: 1000 },
      spaces: ['0123456789abcdef'],
    },
    usage: { total_tokens: 7000 },
  })
})

test('so does one that failed while it was computed; one of which nothing was computed has neither', async () => {
  const faults = [{ code: 'SpaceChanged', message: 'The model was replaced.', row: 'space_changed' as const }]
  expect(await show({ ...expired, state: 'failed', outcome: 'failed', faults })).toMatchObject({
    output: { task_status: 'FAILED', code: 'SpaceChanged', url: expect.any(String) },
    usage: { total_tokens: 7000 },
  })
  const unbegun = (await show({ ...expired, results: {}, tokens: 0, spaces: [] })) as Record<string, unknown>
  expect(unbegun.usage).toBeUndefined()
  expect(unbegun.output).not.toHaveProperty('url')
  expect(unbegun.output).not.toHaveProperty('spaces')
})
