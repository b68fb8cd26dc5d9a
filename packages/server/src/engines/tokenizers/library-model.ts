import { Tokenizer as Library } from '@huggingface/tokenizers'
import type { LocatedToken } from '../engine.js'
import { TokenizerError, type TokenModel } from './tokenizer.js'

/**
 * Any other algorithm, by Hugging Face's JavaScript implementation: exact, but some ten times slower than those computed
 * here, and without places.
 */
export class LibraryModel implements TokenModel {
  readonly #library: Library
  /** Whether its normalizer lower-cases, which the reference does letter by letter: Σ is σ also at the end of a word. */
  readonly #isLowercased: boolean

  /** @param file content of `tokenizer.json`. @throws {TokenizerError} for what the library cannot do either. */
  constructor(file: unknown) {
    this.#isLowercased = JSON.stringify(Object(file).normalizer ?? null).includes('"type":"Lowercase"')
    try {
      // Special tokens are taken out, so that a text that spells one is only text; the others are matched before.
      this.#library = new Library({ ...Object(file), added_tokens: [], post_processor: null }, {})
      this.#library.encode('a', { add_special_tokens: false })
    } catch (cause) {
      throw new TokenizerError(
        `its algorithm is not implemented (${cause instanceof Error ? cause.message : String(cause)}).`,
        { cause },
      )
    }
  }

  encode(stretch: string, _isStart: boolean, ids: number[]): void {
    const text = this.#isLowercased ? stretch.replaceAll('Σ', 'σ') : stretch
    for (const id of this.#library.encode(text, { add_special_tokens: false }).ids) ids.push(id)
  }

  locate(): LocatedToken[] {
    throw new TypeError('the library does not tell places')
  }

  tokenText(id: number): string {
    return this.#library.decode([id], { skip_special_tokens: false, clean_up_tokenization_spaces: false })
  }

  decode(ids: readonly number[]): string {
    return this.#library.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false })
  }
}
