import type { TextModel } from '../catalog/text-model.js'
import type { Engine, EngineCheck } from '../engines/engine.js'
import { QUESTIONS, rankWorst } from '../engines/ranking-canary.js'

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
  const { near, far } = await rankWorst(QUESTIONS, embed, { queryType: 'query' })
  return {
    name,
    isGood: near > far,
    detail: `the right text is nearer than the wrong one by ${(near - far).toFixed(4)} or more in ${QUESTIONS.length} cases`,
  }
}
