import type { TextModel } from '../catalog/text-model.js'
import type { Engine, EngineCheck } from '../engines/engine.js'
import { cosine } from '../vector/vector.js'
import { RANKING_CANARY } from './ranking-canary.js'

/** What the engine of a model proved of itself just now. */
export interface SelfTestResult {
  engine: string
  isGood: boolean
  checks: readonly EngineCheck[]
}

export type SelfTest = (model: TextModel, signal: AbortSignal) => Promise<SelfTestResult>

/** The engine's own checks, and the ranking canary, which any engine can run. */
export function createSelfTest(findEngine: (id: string, signal: AbortSignal) => Promise<Engine>): SelfTest {
  return async (model, signal) => {
    const engine = await findEngine(model.engine, signal)
    const own = (await engine.verify?.({ signal })) ?? []
    const checks = [...own, await checkRanking(engine, signal)]
    return { engine: engine.id, isGood: checks.every(({ isGood }) => isGood), checks }
  }
}

async function checkRanking(engine: Engine, signal: AbortSignal): Promise<EngineCheck> {
  const name = 'ranking canary'
  if (!engine.isUp) return { name, isGood: false, detail: 'the engine cannot compute now' }
  const embed = async (text: string, textType: 'query' | 'document') => {
    const { passes } = await engine.prepare(text, { textType, maxTokens: engine.window, keep: 'start', signal })
    const [raw] = await engine.embed(passes.slice(0, 1), { signal })
    return raw?.dense ?? new Float32Array(engine.dimension)
  }
  const margins = await Promise.all(
    RANKING_CANARY.map(async ({ query, right, wrong }) => {
      const [asked, good, bad] = await Promise.all([
        embed(query, 'query'),
        embed(right, 'document'),
        embed(wrong, 'document'),
      ])
      return cosine(asked, good) - cosine(asked, bad)
    }),
  )
  const least = Math.min(...margins)
  return {
    name,
    isGood: least > 0, // false for NaN too
    detail: `the right text is nearer than the wrong one by ${least.toFixed(4)} or more in ${margins.length} cases`,
  }
}
