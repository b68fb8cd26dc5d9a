import type { Catalog } from '../catalog/catalog.js'
import type { Settings } from '../config.js'
import { verifyModel } from './admin/verify-model.js'
import { embed as cohereEmbed } from './cohere/embed.js'
import { models as dashscopeModels } from './dashscope/models.js'
import { multimodalEmbedding } from './dashscope/multimodal-embedding.js'
import { cancelTask, task, tasks } from './dashscope/tasks.js'
import { textEmbedding } from './dashscope/text-embedding.js'
import { tokenizer } from './dashscope/tokenizer.js'
import { uploadPolicy } from './dashscope/uploads.js'
import { documentationOf } from './docs.js'
import type { Endpoint } from './endpoint.js'
import { guideOf } from './guide.js'
import { livez, readyz } from './health.js'
import { metrics } from './metrics.js'
import { embed as ollamaEmbed } from './ollama/embed.js'
import { embeddings as ollamaEmbeddings } from './ollama/embeddings.js'
import { show, tags } from './ollama/models.js'
import { version as ollamaVersion } from './ollama/version.js'
import { cancelBatch, createBatch, listBatches, showBatch } from './openai/batches.js'
import { embeddings } from './openai/embeddings.js'
import { deleteFile, fileContent, listFiles, showFile, uploadFile } from './openai/files.js'
import { model, models } from './openai/models.js'
import { postObject } from './oss/post-object.js'
import { result } from './oss/results.js'
import { decode } from './tei/decode.js'
import { embed as teiEmbed } from './tei/embed.js'
import { embedSparse } from './tei/embed-sparse.js'
import { health } from './tei/health.js'
import { info } from './tei/info.js'
import { notOffered } from './tei/not-offered.js'
import { similarity } from './tei/similarity.js'
import { tokenize } from './tei/tokenize.js'

const FILES = [uploadFile, listFiles, showFile, fileContent, deleteFile]
const BATCHES = [createBatch, listBatches, showBatch, cancelBatch]
const OPENAI = [embeddings, models, model, ...FILES, ...BATCHES]
const UPLOADS = [uploadPolicy, postObject, result]
const DASHSCOPE = [textEmbedding, multimodalEmbedding, task, tasks, cancelTask, tokenizer, dashscopeModels, ...UPLOADS]
const TEI = [teiEmbed, embedSparse, similarity, tokenize, decode, info, health, ...notOffered]
const OLLAMA = [ollamaEmbed, ollamaEmbeddings, tags, show, ollamaVersion]
const COHERE = [cohereEmbed]
const OPERATION = [livez, readyz, metrics, verifyModel]
const API: readonly Endpoint[] = [...OPENAI, ...DASHSCOPE, ...TEI, ...OLLAMA, ...COHERE, ...OPERATION]

/**
 * Which URL does what: every endpoint of the server.
 *
 * @param about.window tokens that the engine takes in one pass; `/docs` says so.
 * @param about.role of a worker only what its operator asks.
 */
export function endpointsOf(about: {
  version: string
  catalog: Catalog
  window: number
  role?: Settings['role']
}): Endpoint[] {
  const { version, catalog, role = 'all' } = about
  if (role === 'worker') return OPERATION
  const guide = guideOf(catalog.list(), { ...about, multimodal: catalog.listMultimodal() })
  return [...API, ...documentationOf(API, { version, guide })]
}
