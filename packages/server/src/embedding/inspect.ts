import { ApiError, type TextType } from '@quiver/protocol'
import type { TextModel } from '../catalog/text-model.js'
import type { LocatedToken, Network, TokenInspector } from '../engines/engine.js'
import type { RunningEngines } from './running-engines.js'
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

/** A look into the tokenizer of the engine that serves a model. */
export interface Tokens {
  /** @throws {ApiError} `invalid_parameter` for texts of more than 131,072 tokens together. */
  locate(texts: readonly string[], options: { prompt?: TextType }): Promise<LocatedText[]>
  /** Ids → text. @throws {ApiError} `invalid_parameter` for an id that the vocabulary does not have. */
  decode(ids: readonly number[], options: { keepSpecial: boolean; field: string }): string
}

/** What can be said of the model that serves a public model. */
export interface Inspect {
  /** @throws {ApiError} `not_supported` where the engine's tokenizer is somebody else's; as {@link FindEngine}. */
  tokensOf(model: TextModel, signal: AbortSignal): Promise<Tokens>
  /**
   * Without starting the engine. `identity`: a SHA-256 over everything that makes a vector what it is; `window`: tokens
   * of one pass; both known once it has started.
   */
  describe(model: TextModel): { identity?: string; window?: number; network?: Network }
}

export function createInspect(engines: Pick<RunningEngines, 'find' | 'peek'>): Inspect {
  return {
    tokensOf: async (model, signal) => createTokens(await inspectorOf(model, engines.find, signal)),
    describe(model) {
      const { engine, spec } = engines.peek(model.engine)
      const network = engine?.network ?? spec.network
      return { ...(engine && { identity: engine.identity, window: engine.window }), ...(network && { network }) }
    },
  }
}

function createTokens(inspector: TokenInspector): Tokens {
  return {
    async locate(texts, { prompt }) {
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
    decode(ids, { keepSpecial, field }) {
      const strange = ids.findIndex((id) => id >= inspector.vocabulary)
      if (strange !== -1) {
        const message = `${field}[${strange}] is ${ids[strange]}; the vocabulary has the ids 0 to ${inspector.vocabulary - 1}.`
        throw new ApiError('invalid_parameter', message, { param: `${field}[${strange}]` })
      }
      return inspector.decode(keepSpecial ? ids : ids.filter((id) => !inspector.special.has(id)))
    },
  }
}
