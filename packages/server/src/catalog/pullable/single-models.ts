import type { Pullable } from './pullable.js'

/** Models that are no family. */
export const SINGLE_MODELS: readonly Pullable[] = [
  {
    // Chen et al. 2024, arXiv:2402.03216. The sparse head is a table of 1,025 numbers in PyTorch's format.
    name: 'bge-m3',
    builds: [{ engine: 'onnx', repository: 'BAAI/bge-m3', also: ['sparse_linear.pt'], variant: 'fp32' }],
    license: { id: 'mit' },
    dimensions: [1024],
    dimensionChoice: 'listed',
    maxTokens: 8192,
    languages: 100,
    createdAtSeconds: Date.UTC(2024, 0, 30) / 1000,
  },
  {
    name: 'all-minilm-l6-v2',
    builds: [{ engine: 'onnx', repository: 'sentence-transformers/all-MiniLM-L6-v2', variant: 'fp32' }],
    license: { id: 'apache-2.0' },
    dimensions: [384],
    dimensionChoice: 'listed',
    maxTokens: 256,
    languages: ['en'],
    createdAtSeconds: Date.UTC(2021, 7, 30) / 1000,
  },
  {
    // Zhang et al. 2024, arXiv:2407.19669: "elastic" vectors of 128 to 768 components
    name: 'gte-multilingual-base',
    builds: [
      {
        engine: 'onnx',
        repository: 'onnx-community/gte-multilingual-base',
        settingsRepository: 'Alibaba-NLP/gte-multilingual-base',
        variant: 'fp32',
      },
    ],
    license: { id: 'apache-2.0' },
    dimensions: [128, 256, 384, 512, 768],
    dimensionChoice: 'any',
    maxTokens: 8192,
    languages: 70,
    createdAtSeconds: Date.UTC(2024, 6, 20) / 1000,
  },
  {
    // Vera et al. 2025, arXiv:2509.20354. The authors' repository is gated, that of the export is not; the terms hold anyway.
    name: 'embeddinggemma-300m',
    builds: [{ engine: 'onnx', repository: 'onnx-community/embeddinggemma-300m-ONNX', variant: 'fp32' }],
    license: { id: 'gemma', terms: { name: 'Gemma Terms of Use', url: 'https://ai.google.dev/gemma/terms' } },
    dimensions: [128, 256, 512, 768],
    dimensionChoice: 'listed',
    maxTokens: 2048,
    languages: 100,
    prompts: { query: 'task: search result | query: ', document: 'title: none | text: ' },
    createdAtSeconds: Date.UTC(2025, 8, 4) / 1000,
  },
]
