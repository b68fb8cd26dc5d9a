import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../contract/node/server.js'
import { attemptOf, runCampaign } from './campaign.js'
import { fitLine } from './memory.js'
import { toBytes } from './message.js'
import { seedsOf } from './seeds.js'

const SEED = 20_261_122

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

test('3,000 mutated requests: no 5xx, every answer in its dialect with its id, nothing in the log', async () => {
  const report = await runCampaign({ url: server.url, seed: SEED, requests: 3_000, concurrency: 16 })
  expect(report.complaints).toEqual({})
  expect(server.output()).not.toMatch(/"level":[56]0|Unhandled/)
  // A campaign whose requests are all refused at the door proves nothing.
  expect(report.statuses[200]).toBeGreaterThan(200)
  expect(report.statuses[400]).toBeGreaterThan(200)
}, 300_000)

test('every endpoint is among the valid requests, which the server answers', async () => {
  for (const message of seedsOf()) {
    const answer = await fetch(`${server.url}${message.target}`, {
      method: message.method,
      headers: { authorization: 'Bearer sk-fuzz' },
      ...(message.method === 'GET' ? {} : { body: message.body.toString() }),
      redirect: 'manual',
    })
    expect([message.target, answer.status], message.body.toString().slice(0, 200)).not.toContainEqual(405)
    expect(answer.status).toBeLessThan(500)
  }
}, 60_000)

test('an attempt is always the same', () => {
  const bytes = (number: number) => Buffer.concat(attemptOf(1, number).messages.map(toBytes)).toString('base64')
  expect(bytes(17)).toBe(bytes(17))
  expect(bytes(17)).not.toBe(bytes(18))
})

test('the slope of a line is its slope, and exact; of noise it is uncertain', () => {
  const line = [0, 10, 20, 30].map((x) => [x, 1 + 2 * x] as const)
  expect(fitLine(line)).toEqual({ slope: 2, error: 0 })
  const noisy = line.map(([x, y], i) => [x, y + (i % 2 === 0 ? 3 : -3)] as const)
  expect(fitLine(noisy).slope).toBeCloseTo(1.88)
  expect(fitLine(noisy).error).toBeGreaterThan(0.1)
})
