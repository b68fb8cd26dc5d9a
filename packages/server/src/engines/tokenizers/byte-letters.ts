/**
 * GPT-2's alphabet, by byte: printable Latin-1 bytes are themselves, the others are letters from U+0100 on, in order.
 *
 * @see https://github.com/openai/gpt-2/blob/master/src/encoder.py, bytes_to_unicode
 */
export const BYTE_LETTERS: readonly string[] = (() => {
  let others = 0
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
    return String.fromCharCode(isPrintable ? byte : 0x100 + others++)
  })
})()
/** Letter → byte. */
export const LETTER_BYTES: ReadonlyMap<string, number> = new Map(BYTE_LETTERS.map((letter, byte) => [letter, byte]))
