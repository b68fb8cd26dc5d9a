import type { Catalog } from '../catalog/catalog.js'
import { models as dashscopeModels } from './dashscope/models.js'
import { textEmbedding } from './dashscope/text-embedding.js'
import { tokenizer } from './dashscope/tokenizer.js'
import { documentationOf } from './docs.js'
import type { Endpoint } from './endpoint.js'
import { guideOf } from './guide.js'
import { livez, readyz } from './health.js'
import { metrics } from './metrics.js'
import { embeddings } from './openai/embeddings.js'
import { model, models } from './openai/models.js'

const API: readonly Endpoint[] = [
  embeddings,
  models,
  model,
  textEmbedding,
  tokenizer,
  dashscopeModels,
  livez,
  readyz,
  metrics,
]

/**
 * Which URL does what: every endpoint of the server.
 *
 * @param about.window tokens that the engine takes in one pass; `/docs` says so.
 */
export function endpointsOf(about: { version: string; catalog: Catalog; window: number }): Endpoint[] {
  const { version, catalog } = about
  return [...API, ...documentationOf(API, { version, guide: guideOf(catalog.list(), about) })]
}
