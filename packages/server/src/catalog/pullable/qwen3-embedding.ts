import type { Build, Pullable } from './pullable.js'

/** The template of the model's card; a document has no prompt. Its own files hold the query prompt, but not the template. */
const TASK = 'Given a web search query, retrieve relevant passages that answer the query'
const TEMPLATE = 'Instruct: {task}\nQuery:'
const PROMPTS = { query: TEMPLATE.replace('{task}', TASK), document: '', instruct: TEMPLATE }

/**
 * Qwen3-Embedding, the family behind text-embedding-v4: https://huggingface.co/Qwen/Qwen3-Embedding-0.6B. GGUF by its
 * authors, ONNX by onnx-community. The small one comes as ONNX: fp32 fits anywhere and batches well. The others come as
 * GGUF Q8_0; their fp32 weighs 16 and 30 GB.
 */
export const QWEN3_EMBEDDING: readonly Pullable[] = [
  qwen('0.6B', { dimensions: [32, 64, 128, 256, 512, 768, 1024], usual: 'onnx' }),
  qwen('4B', { dimensions: [32, 64, 128, 256, 512, 768, 1024, 1536, 2048, 2560], usual: 'llama-cpp' }),
  qwen('8B', { dimensions: [32, 64, 128, 256, 512, 768, 1024, 1536, 2048, 2560, 4096], usual: 'llama-cpp' }),
]

function qwen(
  size: string,
  { dimensions, usual }: { dimensions: Pullable['dimensions']; usual: Build['engine'] },
): Pullable {
  const original = `Qwen/Qwen3-Embedding-${size}`
  const onnx: Build = {
    engine: 'onnx',
    repository: `onnx-community/Qwen3-Embedding-${size}-ONNX`,
    settingsRepository: original,
    variant: 'fp32',
  }
  const gguf: Build = { engine: 'llama-cpp', repository: `${original}-GGUF`, variant: 'Q8_0' }
  return {
    name: `qwen3-embedding-${size.toLowerCase()}`,
    builds: usual === 'onnx' ? [onnx, gguf] : [gguf, onnx],
    license: { id: 'apache-2.0' },
    dimensions,
    dimensionChoice: 'any',
    maxTokens: 32_768,
    languages: 100,
    prompts: PROMPTS,
    createdAtSeconds: Date.UTC(2025, 5, 5) / 1000,
  }
}
