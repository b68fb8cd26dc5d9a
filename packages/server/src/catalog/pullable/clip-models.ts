import type { Pullable } from './pullable.js'

/**
 * Models of texts and pictures in one space, as ONNX. Tokens are those of a text, special tokens included. None of the
 * repositories says how its texts were filled up or cut in training; that comes from the authors' own code.
 */
export const CLIP_MODELS: readonly Pullable[] = [
  // Tschannen et al. 2025, arXiv:2502.14786: Gemma's tokenizer, lower case, 64 tokens, filled up (big_vision).
  siglip2('base-patch16-256', 768),
  siglip2('so400m-patch16-384', 1152),
  {
    // Yang et al. 2022, arXiv:2211.01335. One graph of both; its configuration has BERT's 512 positions, cn_clip cuts at 52.
    name: 'chinese-clip-vit-base-patch16',
    builds: [{ engine: 'onnx', repository: 'Xenova/chinese-clip-vit-base-patch16', variant: 'fp32' }],
    license: { id: 'apache-2.0' },
    dimensions: [512],
    dimensionChoice: 'listed',
    maxTokens: 52,
    languages: ['zh'],
    towers: { family: 'chinese_clip', captionTokens: 52 },
    createdAtSeconds: Date.UTC(2022, 10, 9) / 1000,
  },
  {
    // Koukounas et al. 2024, arXiv:2412.08802. One graph of both. The only one that is 1,024 wide and has shorter vectors.
    name: 'jina-clip-v2',
    builds: [{ engine: 'onnx', repository: 'jinaai/jina-clip-v2', variant: 'fp32' }],
    license: {
      id: 'cc-by-nc-4.0',
      terms: {
        name: 'Creative Commons Attribution-NonCommercial 4.0, which allows no commercial use',
        url: 'https://creativecommons.org/licenses/by-nc/4.0/',
      },
    },
    dimensions: [64, 128, 256, 512, 768, 1024],
    dimensionChoice: 'any',
    maxTokens: 8192,
    languages: 89,
    towers: { family: 'jina_clip', captionTokens: 8192, isMatryoshka: true },
    createdAtSeconds: Date.UTC(2024, 10, 21) / 1000,
  },
  mobileclip2('s0'),
  mobileclip2('s2'),
  {
    // Radford et al. 2021, arXiv:2103.00020
    name: 'clip-vit-base-patch32',
    builds: [{ engine: 'onnx', repository: 'Xenova/clip-vit-base-patch32', variant: 'fp32' }],
    license: { id: 'mit' },
    dimensions: [512],
    dimensionChoice: 'listed',
    maxTokens: 77,
    languages: ['en'],
    towers: { family: 'clip', captionTokens: 77 },
    createdAtSeconds: Date.UTC(2021, 0, 5) / 1000,
  },
]

function siglip2(size: string, dimension: number): Pullable {
  return {
    name: `siglip2-${size}`,
    builds: [{ engine: 'onnx', repository: `onnx-community/siglip2-${size}-ONNX`, variant: 'fp32' }],
    license: { id: 'apache-2.0' },
    dimensions: [dimension],
    dimensionChoice: 'listed',
    maxTokens: 64,
    languages: 109,
    towers: { family: 'siglip', captionTokens: 64, captionPadId: 0, isLowercased: true },
    createdAtSeconds: Date.UTC(2025, 1, 20) / 1000,
  }
}

/**
 * MobileCLIP2, Faghri et al. 2025, arXiv:2508.20691, as its authors' OpenCLIP has it: 77 tokens, filled up with 0. The
 * tokenizer of this repository would fill up with the end token, on which the network does not attend as it was trained.
 */
function mobileclip2(size: 's0' | 's2'): Pullable {
  return {
    name: `mobileclip2-${size}`,
    builds: [{ engine: 'onnx', repository: 'plhery/mobileclip2-onnx', folder: `onnx/${size}`, variant: 'fp32' }],
    license: {
      id: 'apple-amlr',
      terms: {
        name: 'Apple Machine Learning Research Model License, which allows research only',
        url: 'https://github.com/apple/ml-mobileclip/blob/main/LICENSE_MODELS',
      },
    },
    dimensions: [512],
    dimensionChoice: 'listed',
    maxTokens: 77,
    languages: ['en'],
    towers: { family: 'clip', captionTokens: 77, captionPadId: 0 },
    createdAtSeconds: Date.UTC(2025, 7, 28) / 1000,
  }
}
