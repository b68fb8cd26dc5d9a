import { z } from 'zod'
import type { Endpoint } from '../endpoint.js'

const Verification = z.object({
  model: z.string(),
  /** What serves it. */
  engine: z.string(),
  ok: z.boolean().describe('Whether all checks are.'),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
  tookMs: z.int(),
})

export const verifyModel: Endpoint = {
  method: 'GET',
  paths: ['/admin/models/:model/verify'],
  dialect: 'openai',
  tag: 'Operation',
  summary: 'Let a model prove itself now',
  description:
    'Computes the golden vectors of the engine, or asks each of its servers, and ranks easy cases. Costs a few short texts; needs a key.',
  response: Verification,
  async handle({ services, request, signal }): Promise<z.output<typeof Verification>> {
    const startedAt = performance.now()
    const { model = '' } = request.params as { model?: string } // the route's own parameter, always a string
    const { engine, isGood, checks } = await services.selfTest(services.catalog.get(model), signal)
    return {
      model,
      engine,
      ok: isGood,
      checks: checks.map(({ name, isGood: ok, detail }) => ({ name, ok, detail })),
      tookMs: Math.round(performance.now() - startedAt),
    }
  },
}
