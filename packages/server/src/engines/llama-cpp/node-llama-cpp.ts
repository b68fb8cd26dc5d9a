import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * The part of node-llama-cpp 3.22 that is used here. It is no dependency of this package: whoever wants it installs it with
 * `quiver engines add llama-cpp`, and it is loaded from there; so its types are written down instead of imported.
 *
 * @see https://node-llama-cpp.withcat.ai/api/
 */
export interface NodeLlamaCpp {
  getLlama(options: {
    gpu: 'metal' | false
    /** Prebuilt binaries or nothing: no compiler runs on a server. */
    build: 'never'
    progressLogs: false
    logLevel: 'error'
    maxThreads: number
  }): Promise<Llama>
}

/** Load the binding from the folder where it was installed. */
export async function loadBinding(folder: string): Promise<NodeLlamaCpp> {
  const path = join(folder, 'node_modules', 'node-llama-cpp', 'dist', 'index.js')
  return (await import(pathToFileURL(path).href)) as NodeLlamaCpp // of the pinned version, whose part is written down above
}

export interface Llama {
  loadModel(options: {
    modelPath: string
    metadataOverrides: Record<string, unknown>
    defaultContextFlashAttention: 'auto'
  }): Promise<LlamaModel>
  dispose(): Promise<void>
}

export interface LlamaModel {
  readonly embeddingVectorSize: number
  /** @param specialTokens whether the names of special tokens in the text become those tokens. */
  tokenize(text: string, specialTokens: false): number[]
  createEmbeddingContext(options: {
    contextSize: number
    batchSize: number
    threads: number
  }): Promise<EmbeddingContext>
  dispose(): Promise<void>
}

export interface EmbeddingContext {
  /** Tokens after node-llama-cpp has put its own around them. */
  calculateInputLength(tokens: number[]): number
  getEmbeddingFor(tokens: number[]): Promise<{ vector: readonly number[] }>
  dispose(): Promise<void>
}
