import { ApiError, type TextType } from '@quiver/protocol'
import type { TextModel } from '../catalog/text-model.js'
import type { Engine, LocatedToken, Network, TokenInspector } from '../engines/engine.js'
import { MAX_TOKENS, tooManyTokens } from './tokenize.js'

/** A special token of the serving model. */
export interface NamedToken {
  id: number
  name: string
}

/** A text with the places of its tokens, and what the model puts around them. */
export interface LocatedText {
  /** What was tokenised: the prompt, if one was asked for, and the text. */
  text: string
  tokens: LocatedToken[]
  before: NamedToken[]
  after: NamedToken[]
}

/** What can be said of the model that serves a public model. */
export interface Inspect {
  /** @throws {ApiError} `invalid_parameter` for texts of more than 131,072 tokens together. */
  locate(model: TextModel, texts: readonly string[], options: { prompt?: TextType }): LocatedText[]
  /** Ids → text. @throws {ApiError} `invalid_parameter` for an id that the vocabulary does not have. */
  decode(model: TextModel, ids: readonly number[], options: { keepSpecial: boolean; field: string }): string
  /** `identity`: a SHA-256 over everything that makes a vector what it is; `window`: tokens of one pass. */
  describe(model: TextModel): { identity: string; window: number; network?: Network }
}

/** The functions of {@link Inspect} throw `not_supported` where the engine's tokenizer is somebody else's. */
export function createInspect(findEngine: (id: string) => Engine): Inspect {
  const inspectorOf = (model: TextModel): TokenInspector => {
    const { inspector } = findEngine(model.engine)
    if (inspector !== undefined) return inspector
    throw new ApiError('not_supported', `The tokenizer of ${model.id} cannot be looked into.`, { param: 'model' })
  }
  return {
    locate(model, texts, { prompt }) {
      const inspector = inspectorOf(model)
      const named = (id: number): NamedToken => ({ id, name: inspector.special.get(id) ?? '' })
      const before = inspector.frame.before.map(named)
      const after = inspector.frame.after.map(named)
      let room = MAX_TOKENS
      return texts.map((bare) => {
        const text = prompt === undefined ? bare : inspector.prompts[prompt] + bare
        const { tokens, isOverLimit } = inspector.locate(text, room)
        if (isOverLimit) throw tooManyTokens()
        room -= tokens.length
        return { text, tokens, before, after }
      })
    },
    decode(model, ids, { keepSpecial, field }) {
      const inspector = inspectorOf(model)
      const strange = ids.findIndex((id) => id >= inspector.vocabulary)
      if (strange !== -1) {
        const message = `${field}[${strange}] is ${ids[strange]}; the vocabulary has the ids 0 to ${inspector.vocabulary - 1}.`
        throw new ApiError('invalid_parameter', message, { param: `${field}[${strange}]` })
      }
      return inspector.decode(keepSpecial ? ids : ids.filter((id) => !inspector.special.has(id)))
    },
    describe(model) {
      const { identity, window, network } = findEngine(model.engine)
      return { identity, window, ...(network && { network }) }
    },
  }
}
