import type { Services } from '../endpoint.js'

/** Texts in one request where the operator allows more than the model's limit: OpenAI's own number. */
const AUTO_SPLIT_INPUTS = 2048

/** Texts that compatible mode takes in one request whatever the model's limit; 0 where that limit holds. */
export function autoSplitInputs({ isAutoSplit }: Services): number {
  return isAutoSplit ? AUTO_SPLIT_INPUTS : 0
}
