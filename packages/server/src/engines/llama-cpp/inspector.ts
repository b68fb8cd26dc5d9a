import type { Prompts } from '../../pull/pulled-model.js'
import type { LocatedToken, TokenInspector } from '../engine.js'
import { LETTER_BYTES } from '../tokenizers/byte-letters.js'
import type { Description } from './description.js'

/** llama.cpp's name of byte-level BPE, whose tokens are the bytes of the text, one after the other. */
const BYTE_LEVEL = 'gpt2'

/**
 * A look into the tokenizer of a GGUF file. Only of byte-level BPE: of other kinds llama.cpp does not tell where in the
 * text a token stood, and their tokens do not spell it.
 *
 * @param tokenize as the engine does, which normalises first.
 */
export function createInspector(
  { vocabulary, special, frame, tokenizer, isNfc }: Description,
  { query, document }: Prompts,
  tokenize: TokenInspector['tokenize'],
): TokenInspector | undefined {
  if (tokenizer !== BYTE_LEVEL) return undefined
  const bytesOf = (id: number): Uint8Array => {
    const token = vocabulary[id]
    if (token === undefined) throw new RangeError(`the vocabulary has the ids 0 to ${vocabulary.length - 1}, not ${id}`)
    return special.has(id) ? Buffer.from(token) : tokenBytes(token)
  }
  const decode = (ids: readonly number[]) => Buffer.concat(ids.map(bytesOf)).toString('utf8')
  return {
    vocabulary: vocabulary.length,
    special,
    frame,
    prompts: { query, document },
    tokenize,
    async locate(text, maxTokens) {
      const { ids, isOverLimit } = await tokenize(text, maxTokens)
      const places = placesOf(text, isNfc)
      let at = 0
      const tokens = Array.from(ids, (id): LocatedToken => {
        const from = at
        at += bytesOf(id).length
        return { id, start: places.starts[from] ?? text.length, end: places.ends[at - 1] ?? text.length }
      })
      return { tokens, isOverLimit }
    },
    tokenText: (id) => decode([id]),
    decode,
  }
}

function tokenBytes(token: string): Uint8Array {
  const bytes = Array.from(token, (character) => LETTER_BYTES.get(character))
  // A token that somebody added stands in the vocabulary as it is.
  return bytes.includes(undefined) ? Buffer.from(token) : Uint8Array.from(bytes as number[]) // none is undefined
}

/** Characters that form C may join to what stands before them: marks, and the later jamo of a syllable. */
const CONTINUES = /^[\p{M}\u1160-\u11ff]/u

/**
 * For each byte of the normalised text's UTF-8 the UTF-16 units of the original that it stands for: [start, end).
 * What normalisation changed stands for the whole stretch that changed.
 */
function placesOf(text: string, isNfc: boolean): { starts: number[]; ends: number[] } {
  const starts: number[] = []
  const ends: number[] = []
  const add = (part: string, start: number, end: number) => {
    for (let i = Buffer.byteLength(part); i > 0; i--) {
      starts.push(start)
      ends.push(end)
    }
  }
  let stretch = ''
  let at = 0
  const flush = () => {
    const normal = isNfc ? stretch.normalize('NFC') : stretch
    if (normal !== stretch) add(normal, at, at + stretch.length)
    else
      for (const { 0: character, index } of stretch.matchAll(/./gsu)) {
        add(character, at + index, at + index + character.length)
      }
    at += stretch.length
    stretch = ''
  }
  for (const character of text) {
    if (stretch !== '' && !CONTINUES.test(character)) flush()
    stretch += character
  }
  flush()
  return { starts, ends }
}
