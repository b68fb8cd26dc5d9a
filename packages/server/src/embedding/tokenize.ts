import { ApiError } from '@quiver/protocol'
import type { TextModel } from '../catalog/text-model.js'
import type { Engine } from '../engines/engine.js'

/** A token of the serving model. */
export interface Token {
  id: number
  /** A space at its start marks the beginning of a word. */
  text: string
}

/** Tokens of texts as the model that serves them counts them, without prompts and special tokens. */
export type Tokenize = (model: TextModel, texts: readonly string[]) => Token[][]

/** Tokens of all texts of one call; more would make an answer of many megabytes. */
export const MAX_TOKENS = 131_072

/** More than {@link MAX_TOKENS} in one call. */
export function tooManyTokens(options: { param?: string } = {}): ApiError {
  return new ApiError('invalid_parameter', `The texts have more than ${MAX_TOKENS} tokens together.`, options)
}

/** @throws {ApiError} `invalid_parameter` for texts of more than 131,072 tokens together (by the function returned). */
export function createTokenize(findEngine: (id: string) => Engine): Tokenize {
  return (model, texts) => {
    const engine = findEngine(model.engine)
    let room = MAX_TOKENS
    return texts.map((text) => {
      const { ids, isOverLimit } = engine.tokenize(text, room)
      if (isOverLimit) throw tooManyTokens({ param: 'input' })
      room -= ids.length
      return Array.from(ids, (id) => ({ id, text: engine.tokenText(id) }))
    })
  }
}
