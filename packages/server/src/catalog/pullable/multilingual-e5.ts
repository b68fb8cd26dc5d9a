import type { Pullable } from './pullable.js'

/** multilingual-E5, Wang et al. 2024, arXiv:2402.05672. Trained with these two words before every text; no file says so. */
export const MULTILINGUAL_E5: readonly Pullable[] = (
  [
    ['small', 384],
    ['base', 768],
    ['large', 1024],
  ] as const
).map(([size, dimension]) => ({
  name: `multilingual-e5-${size}`,
  builds: [{ engine: 'onnx', repository: `intfloat/multilingual-e5-${size}`, variant: 'fp32' }],
  license: { id: 'mit' },
  dimensions: [dimension],
  dimensionChoice: 'listed',
  maxTokens: 512,
  languages: 94,
  prompts: { query: 'query: ', document: 'passage: ' },
  createdAtSeconds: Date.UTC(2023, 5, 30) / 1000,
}))
