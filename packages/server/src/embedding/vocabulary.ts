import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'

/** A byte-pair vocabulary of another service, packed by `scripts/pack-vocabulary.mjs`. */
export type VocabularyName = 'cl100k_base'

/**
 * Ids that stand outside the byte pairs, as OpenAI's tiktoken names them (`tiktoken_ext/openai_public.py`).
 * 100256 and 100261 … 100275 are ids of nothing.
 */
const SPECIAL_TOKENS: Record<VocabularyName, readonly (readonly [id: number, text: string])[]> = {
  cl100k_base: [
    [100257, '<|endoftext|>'],
    [100258, '<|fim_prefix|>'],
    [100259, '<|fim_middle|>'],
    [100260, '<|fim_suffix|>'],
    [100276, '<|endofprompt|>'],
  ],
}

/** Token id → bytes. A token is any run of bytes: a character of several bytes can lie across two tokens. */
export class Vocabulary {
  readonly #tokens = new Map<number, Buffer>()
  /** The largest id. */
  readonly lastId: number

  /** @param packed for every id from 0: one byte of length, then the token's bytes. */
  constructor(
    readonly name: VocabularyName,
    packed: Buffer,
  ) {
    for (let start = 0; start < packed.length; ) {
      const end = start + 1 + packed.readUInt8(start)
      this.#tokens.set(this.#tokens.size, packed.subarray(start + 1, end))
      start = end
    }
    const specialTokens = SPECIAL_TOKENS[name]
    for (const [id, text] of specialTokens) this.#tokens.set(id, Buffer.from(text))
    this.lastId = Math.max(this.#tokens.size - 1, ...specialTokens.map(([id]) => id))
  }

  /** `undefined` for a number that is no id of this vocabulary. */
  findToken(id: number): Buffer | undefined {
    return this.#tokens.get(id)
  }
}

/** Slow: about 20 ms, once; callers keep it. */
export async function loadVocabulary(name: VocabularyName): Promise<Vocabulary> {
  const path = fileURLToPath(new URL(`../../vocabularies/${name}.br`, import.meta.url))
  return new Vocabulary(name, await promisify(brotliDecompress)(await readFile(path)))
}
