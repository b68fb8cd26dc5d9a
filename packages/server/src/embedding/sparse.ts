import type { SparseTerm } from '@quiver/protocol'
import type { CheckedRequest } from '../catalog/check.js'
import type { Engine, RawEmbedding } from '../engines/engine.js'
import { prepareAll } from './prepare.js'
import { sparseSpaceOf } from './space.js'
import type { TextToEmbed } from './text-vectors.js'

/** Sparse vectors of a request's texts, in its order, and the name of their space. */
export interface SparseVectors {
  vectors: SparseTerm[][]
  space: string
}

export type SparseOf = (
  engine: Engine,
  request: CheckedRequest,
  parts: { texts: readonly TextToEmbed[]; raw: readonly RawEmbedding[]; signal: AbortSignal },
) => Promise<SparseVectors>

/** Whether sparse vectors come out of the engine's forward pass. */
export function hasSparseHead({ sparse }: Engine): boolean {
  return sparse !== undefined && sparse.weighTerms === undefined
}

/**
 * Sparse vectors from the model's own head, else from its own term weights, else from those of another engine, of whose
 * space they then are.
 *
 * @throws {TypeError} (at once) for a fallback that has no term weights.
 */
export function createSparseOf(fallback: Engine): SparseOf {
  if (fallback.sparse?.weighTerms === undefined) throw new TypeError(`${fallback.id} cannot weigh terms`)
  return async (engine, request, { texts, raw, signal }) => {
    if (hasSparseHead(engine)) {
      return { vectors: raw.map(({ sparse = [] }) => sparse), space: sparseSpaceOf(engine) }
    }
    const source = engine.sparse === undefined ? fallback : engine
    // The other engine counts tokens its own way, so its count must not refuse what the model itself takes.
    const own = source === engine ? texts : await prepareAll(source, { ...request, overlong: 'truncate' }, signal)
    const vectors = own.map(({ prepared }) => source.sparse?.weighTerms?.(prepared, request.textType) ?? [])
    return { vectors, space: sparseSpaceOf(source) }
  }
}
