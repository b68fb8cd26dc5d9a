import { compileTokenizer } from './compile-tokenizer.js'
import { openTokenizer } from './open-tokenizer.js'
import type { Tokenizer } from './tokenizer.js'

/**
 * The tokenizer that a `tokenizer.json` describes, made here and now; large ones take up to a second, and
 * `load-tokenizer.ts` leaves that to a thread.
 *
 * @throws {TokenizerError} naming the field that asks for what is not implemented.
 */
export function createTokenizer(content: unknown): Tokenizer {
  return openTokenizer(compileTokenizer(content))
}
