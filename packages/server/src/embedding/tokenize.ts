import { ApiError } from '@quiver/protocol'
import type { TextModel } from '../catalog/text-model.js'
import type { TokenInspector } from '../engines/engine.js'
import type { FindEngine } from './running-engines.js'

/** A token of the serving model. */
export interface Token {
  id: number
  /** A space at its start marks the beginning of a word. */
  text: string
}

/** Tokens of texts as the model that serves them counts them, without prompts and special tokens. */
export type Tokenize = (model: TextModel, texts: readonly string[], signal: AbortSignal) => Promise<Token[][]>

/** Tokens of all texts of one call; more would make an answer of many megabytes. */
export const MAX_TOKENS = 131_072

/** More than {@link MAX_TOKENS} in one call. */
export function tooManyTokens(options: { param?: string } = {}): ApiError {
  return new ApiError('invalid_parameter', `The texts have more than ${MAX_TOKENS} tokens together.`, options)
}

/**
 * The tokenizer of the engine that serves a model.
 *
 * @throws {ApiError} `not_supported` where it is somebody else's; as {@link FindEngine}.
 */
export async function inspectorOf(
  model: TextModel,
  findEngine: FindEngine,
  signal: AbortSignal,
): Promise<TokenInspector> {
  const { inspector } = (await findEngine(model.engine, signal)).engine
  if (inspector !== undefined) return inspector
  throw new ApiError('not_supported', `The tokenizer of ${model.id} cannot be looked into.`, { param: 'model' })
}

/**
 * @throws {ApiError} (by the function returned) `invalid_parameter` for texts of more than 131,072 tokens together;
 *   `not_supported` as {@link inspectorOf}.
 */
export function createTokenize(findEngine: FindEngine): Tokenize {
  return async (model, texts, signal) => {
    const inspector = await inspectorOf(model, findEngine, signal)
    let room = MAX_TOKENS
    const tokens: Token[][] = []
    for (const text of texts) {
      const { ids, isOverLimit } = await inspector.tokenize(text, room)
      if (isOverLimit) throw tooManyTokens({ param: 'input' })
      room -= ids.length
      tokens.push(Array.from(ids, (id) => ({ id, text: inspector.tokenText(id) })))
    }
    return tokens
  }
}
