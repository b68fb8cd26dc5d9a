import { type Attempt, type Delivery, exchange } from './exchange.js'
import { mutate } from './mutate.js'
import { Random } from './random.js'
import { seedsOf } from './seeds.js'
import { complaintsAbout } from './verdict.js'

export interface CampaignOptions {
  url: string
  seed: number
  requests: number
  /** Connections at a time. */
  concurrency: number
  /** Called some times in between, with the number of requests sent so far; none is under way then. */
  onRest?: { times: number; call: (sent: number) => Promise<void> }
}

export interface CampaignReport {
  requests: number
  /** Answers by status. */
  statuses: Record<number, number>
  /** Attempts by how they were delivered. */
  deliveries: Record<string, number>
  /** What did not hold, with the numbers of the attempts. */
  complaints: Record<string, number[]>
}

const DELIVERIES: readonly Delivery[] = [
  ...Array.from({ length: 14 }, (): Delivery => 'whole'),
  ...(['split', 'split', 'pipelined', 'pipelined', 'early-close', 'half-close'] satisfies Delivery[]),
]

/** Attempt `number` of a seed: always the same. */
export function attemptOf(seed: number, number: number, seeds = seedsOf()): Attempt {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ number)
  const draw = () => mutate(random.pick(seeds), random)
  const delivery = random.pick(DELIVERIES)
  const further = delivery === 'pipelined' ? Array.from({ length: 1 + random.below(3) }, draw) : []
  return { messages: [draw(), ...further], delivery, cut: random.next() }
}

/** Send attempts until so many requests are out; every answer is judged. */
export async function runCampaign({
  url,
  seed,
  requests,
  concurrency,
  onRest = { times: 1, call: async () => {} },
}: CampaignOptions): Promise<CampaignReport> {
  const { hostname, port } = new URL(url)
  const seeds = seedsOf()
  const report: CampaignReport = { requests: 0, statuses: {}, deliveries: {}, complaints: {} }
  const complain = (complaint: string, attempt: number) => {
    report.complaints[complaint] = [...(report.complaints[complaint] ?? []), attempt]
  }
  let next = 0
  const lane = async (until: number) => {
    while (report.requests < until) {
      const number = next++
      const attempt = attemptOf(seed, number, seeds)
      report.requests += attempt.messages.length
      report.deliveries[attempt.delivery] = (report.deliveries[attempt.delivery] ?? 0) + 1
      const { answers, fault } = await exchange(attempt, { host: hostname, port: Number(port) })
      if (fault !== undefined) complain(fault, number)
      answers.forEach((answer, i) => {
        report.statuses[answer.status] = (report.statuses[answer.status] ?? 0) + 1
        // Where one request has swallowed another there are fewer answers; the first message then stands for all.
        const message = attempt.messages[i] ?? attempt.messages[0]
        for (const complaint of complaintsAbout(answer, message)) complain(complaint, number)
      })
    }
  }
  for (let rest = 1; rest <= onRest.times; rest++) {
    const until = Math.ceil((requests * rest) / onRest.times)
    await Promise.all(Array.from({ length: concurrency }, () => lane(until)))
    await onRest.call(report.requests)
  }
  return report
}
