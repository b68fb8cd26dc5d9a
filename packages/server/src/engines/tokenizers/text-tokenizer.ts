import type { LocatedToken, TokenizedText } from '../engine.js'
import { stretchesOf } from './stretches.js'
import type { Tokenizer, TokenModel } from './tokenizer.js'

export interface TextTokenizerOptions {
  model: TokenModel
  vocabulary: number
  special: ReadonlyMap<number, string>
  frame: Tokenizer['frame']
  hasPlaces: boolean
  /** Tokens outside of the algorithm's own that a text may spell, by what it spells. */
  added: ReadonlyMap<string, number>
}

/** A part of a stretch: text for the algorithm, or an added token. */
interface Part {
  text: string
  start: number
  id?: number
}

/** A whole text by an algorithm that takes it stretch by stretch. */
export class TextTokenizer implements Tokenizer {
  readonly vocabulary: number
  readonly special: ReadonlyMap<number, string>
  readonly frame: Tokenizer['frame']
  readonly hasPlaces: boolean
  readonly #model: TokenModel
  readonly #added: ReadonlyMap<string, number>
  readonly #spelled: RegExp | undefined

  constructor({ model, vocabulary, special, frame, hasPlaces, added }: TextTokenizerOptions) {
    this.vocabulary = vocabulary
    this.special = special
    this.frame = frame
    this.hasPlaces = hasPlaces
    this.#model = model
    this.#added = added
    const names = [...added.keys()].sort((a, b) => b.length - a.length)
    this.#spelled = names.length === 0 ? undefined : new RegExp(names.map(literal).join('|'), 'gu')
  }

  tokenize(text: string, maxTokens: number): TokenizedText {
    const ids: number[] = []
    let isStart = true
    for (const stretch of stretchesOf(text.toWellFormed())) {
      for (const part of this.#split(stretch)) {
        if (part.id === undefined) this.#model.encode(part.text, isStart, ids)
        else ids.push(part.id)
        isStart = false
      }
      if (ids.length > maxTokens) break
    }
    return { ids: Int32Array.from(ids.slice(0, maxTokens)), isOverLimit: ids.length > maxTokens }
  }

  locate(text: string, maxTokens: number): { tokens: LocatedToken[]; isOverLimit: boolean } {
    const tokens: LocatedToken[] = []
    let offset = 0
    for (const stretch of stretchesOf(text.toWellFormed())) {
      for (const part of this.#split(stretch)) {
        const from = offset + part.start
        if (part.id !== undefined) tokens.push({ id: part.id, start: from, end: from + part.text.length })
        else {
          for (const { id, start, end } of this.#model.locate(part.text, from === 0)) {
            tokens.push({ id, start: from + start, end: from + end })
          }
        }
      }
      offset += stretch.length
      if (tokens.length > maxTokens) break
    }
    return { tokens: tokens.slice(0, maxTokens), isOverLimit: tokens.length > maxTokens }
  }

  tokenText(id: number): string {
    return this.#model.tokenText(id)
  }

  decode(ids: readonly number[]): string {
    return this.#model.decode(ids)
  }

  *#split(stretch: string): Generator<Part> {
    let start = 0
    if (this.#spelled !== undefined) {
      for (const { index, 0: name } of stretch.matchAll(this.#spelled)) {
        if (index > start) yield { text: stretch.slice(start, index), start }
        const id = this.#added.get(name)
        yield id === undefined ? { text: name, start: index } : { text: name, start: index, id }
        start = index + name.length
      }
    }
    if (start < stretch.length) yield { text: stretch.slice(start), start }
  }
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
