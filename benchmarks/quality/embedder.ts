import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { assemblePipeline, type Pipeline } from '@quiver/server/dist/assemble.js'
import { check } from '@quiver/server/dist/catalog/check.js'
import type { TextModel } from '@quiver/server/dist/catalog/text-model.js'
import { createProgress } from '@quiver/server/dist/cli/progress.js'
import { spaceOf } from '@quiver/server/dist/embedding/space.js'
import { BUILTIN_WEIGHTS, loadTokenizer } from '@quiver/server/dist/engines/builtin/weights.js'
import { NO_HOME } from '../places.js'
import type { Terms } from './sparse.js'

/** The product's own pipeline, as a request to its newest model uses it, with a memory on disk. */
export interface Embedder {
  model: TextModel
  /** Name of the vector space of the largest dimension. */
  space: string
  /** Vectors of the largest dimension, in order; equal texts share one. */
  embed(texts: readonly string[], textType: 'query' | 'document'): Promise<Float32Array[]>
  /** Sparse vectors, in order. */
  weighTerms(texts: readonly string[], textType: 'query' | 'document'): Promise<Terms[]>
  /** Token ids as text. */
  pieces(text: string): string[]
  close(): Promise<void>
}

export async function startEmbedder(cacheFolder: string): Promise<Embedder> {
  const { signal } = new AbortController()
  const threads = availableParallelism()
  const pipeline = await assemblePipeline(
    { threads, maxQueuedInputs: 10_000, cacheBytes: 0, home: NO_HOME, models: {}, engines: {}, ffmpeg: 'ffmpeg' },
    signal,
  )
  const tokenizer = await loadTokenizer(BUILTIN_WEIGHTS)
  const model = pipeline.catalog.list().find(({ dimensionChoice }) => dimensionChoice === 'listed')
  if (model === undefined) throw new TypeError('the catalog has no model with a choice of dimensions')
  const dimension = Math.max(...model.dimensions)
  const space = spaceOf(pipeline.builtin, { dimension, normalize: true })
  return {
    model,
    space,
    async embed(texts, textType) {
      const distinct = [...new Set(texts)]
      const key = createHash('sha256')
        .update(JSON.stringify([textType, distinct]))
        .digest('hex')
        .slice(0, 32)
      const components = await remember(join(cacheFolder, space, `${key}.f32`), () =>
        compute(distinct, { pipeline, model, dimension, textType, lanes: threads + 1 }),
      )
      const rows = new Map(distinct.map((text, row) => [text, row]))
      return texts.map((text) => {
        const start = (rows.get(text) as number) * dimension // every text is among the distinct ones
        return components.subarray(start, start + dimension)
      })
    },
    async weighTerms(texts, textType) {
      const terms: Terms[] = []
      for (let start = 0; start < texts.length; start += model.maxInputs) {
        const inputs = texts.slice(start, start + model.maxInputs)
        const request = {
          model: model.id,
          inputs,
          textType,
          outputType: 'sparse' as const,
          fields,
        }
        const { embeddings } = await pipeline.embed(check(request, pipeline.catalog), { signal })
        terms.push(...embeddings.map(({ sparse = [] }) => sparse))
      }
      return terms
    },
    pieces: (text) => Array.from(tokenizer.tokenize(text, model.maxInputTokens).ids, String),
    close: () => pipeline.close(),
  }
}

/** What errors call the request's parts. */
const fields = { inputs: 'texts', dimension: 'dimension' }

interface Work {
  pipeline: Pipeline
  model: TextModel
  dimension: number
  textType: 'query' | 'document'
  /** Requests in flight. */
  lanes: number
}

/** Embed in requests as large as the model takes. Shape: Float32Array[texts · dimension]. */
async function compute(texts: readonly string[], work: Work): Promise<Float32Array> {
  const { pipeline, model, dimension, textType } = work
  const components = new Float32Array(texts.length * dimension)
  const progress = createProgress(`embedding as ${textType}`, texts.length)
  const { signal } = new AbortController()
  let next = 0
  const lane = async () => {
    while (next < texts.length) {
      const start = next
      next += model.maxInputs
      const inputs = texts.slice(start, start + model.maxInputs)
      const request = { model: model.id, inputs, textType, dimension, outputType: 'dense' as const, fields }
      const { embeddings } = await pipeline.embed(check(request, pipeline.catalog), { signal })
      for (const { index, dense } of embeddings) {
        if (dense === undefined) throw new TypeError('the pipeline returned no dense vector')
        components.set(dense, (start + index) * dimension)
      }
      progress.add(inputs.length)
    }
  }
  try {
    await Promise.all(Array.from({ length: work.lanes }, lane))
  } finally {
    progress.stop()
  }
  return components
}

/** The numbers in a file, or what `compute` makes of it the first time. */
async function remember(path: string, compute: () => Promise<Float32Array>): Promise<Float32Array> {
  const known = await readFile(path).catch(() => undefined)
  if (known !== undefined) return new Float32Array(known.buffer, known.byteOffset, known.byteLength / 4)
  const computed = await compute()
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}`
  await writeFile(temporary, new Uint8Array(computed.buffer))
  await rename(temporary, path)
  return computed
}
