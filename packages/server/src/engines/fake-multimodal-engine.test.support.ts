import type { MultimodalEngine } from './multimodal-engine.js'

/** Components of the fake's vectors. */
export const FAKE_DIMENSION = 8

/**
 * An engine for tests of what stands before engines: one token a character, and a vector that follows from the text's
 * first character, or from the picture's first pixel and its width; so a red picture is a red picture wherever it came from.
 *
 * `calls` holds what each call of `embedTexts` and `embedPictures` got, in words.
 */
export function fakeMultimodalEngine(
  changes: Partial<MultimodalEngine> = {},
): MultimodalEngine & { calls: string[][] } {
  const calls: string[][] = []
  return {
    calls,
    id: 'fake-image',
    identity: '2'.repeat(64),
    dimension: FAKE_DIMENSION,
    isMatryoshka: true,
    isUp: true,
    async tokenize(text, { maxTokens }) {
      const ids = Int32Array.from(text.trim(), (character) => character.codePointAt(0) ?? 0)
      return { ids: ids.slice(0, maxTokens), isCut: ids.length > maxTokens }
    },
    async embedTexts(texts) {
      calls.push(texts.map(({ ids }) => String.fromCodePoint(...ids)))
      return texts.map(({ ids }) => wave(ids[0] ?? 0))
    },
    async embedPictures(pictures) {
      calls.push(pictures.map(({ width, height, rgb }) => `${width}x${height} ${rgb.slice(0, 3).join(',')}`))
      return pictures.map(({ rgb: [red = 0, green = 0, blue = 0] }) => wave(1 + red + 2 * green + 4 * blue))
    },
    close: async () => {},
    ...changes,
  }
}

/** Not of unit length: engines return raw vectors. */
function wave(seed: number): Float32Array {
  return Float32Array.from({ length: FAKE_DIMENSION }, (_, i) => 3 * Math.sin((i + 1) * (seed + 1)))
}
