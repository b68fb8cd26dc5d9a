import { ApiError, type TextType } from '@quiver/protocol'
import type { TextModel } from '../catalog/text-model.js'
import type { Engine, LocatedToken, Network } from '../engines/engine.js'
import { inspectorOf, MAX_TOKENS, tooManyTokens } from './tokenize.js'

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
  locate(model: TextModel, texts: readonly string[], options: { prompt?: TextType }): Promise<LocatedText[]>
  /** Ids → text. @throws {ApiError} `invalid_parameter` for an id that the vocabulary does not have. */
  decode(model: TextModel, ids: readonly number[], options: { keepSpecial: boolean; field: string }): string
  /** `identity`: a SHA-256 over everything that makes a vector what it is; `window`: tokens of one pass. */
  describe(model: TextModel): { identity: string; window: number; network?: Network }
}

/** The functions of {@link Inspect} throw `not_supported` where the engine's tokenizer is somebody else's. */
export function createInspect(findEngine: (id: string) => Engine): Inspect {
  return {
    async locate(model, texts, { prompt }) {
      const inspector = inspectorOf(model, findEngine)
      const named = (id: number): NamedToken => ({ id, name: inspector.special.get(id) ?? '' })
      const before = inspector.frame.before.map(named)
      const after = inspector.frame.after.map(named)
      let room = MAX_TOKENS
      const located: LocatedText[] = []
      for (const bare of texts) {
        const text = prompt === undefined ? bare : inspector.prompts[prompt] + bare
        const { tokens, isOverLimit } = await inspector.locate(text, room)
        if (isOverLimit) throw tooManyTokens()
        room -= tokens.length
        located.push({ text, tokens, before, after })
      }
      return located
    },
    decode(model, ids, { keepSpecial, field }) {
      const inspector = inspectorOf(model, findEngine)
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
