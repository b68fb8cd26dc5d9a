export type { Batch, BatchStatus, NewBatch } from './batches.js'
export type { CallOptions } from './call.js'
export {
  type EmbedAllOptions,
  type EmbedAnswer,
  type EmbeddedText,
  type Progress,
  QuiverClient,
  type QuiverClientOptions,
  type Token,
} from './client.js'
export type { EmbedOptions } from './embed-options.js'
export type { StoredFile } from './files.js'
export type { Model, ModelLimits } from './model.js'
export type { Media, MultimodalAnswer, MultimodalInput, MultimodalOptions } from './multimodal.js'
export { type ClientFault, QuiverError } from './quiver-error.js'
export type { ListedTask, NewTask, Task, TaskStatus } from './tasks.js'
export type { OutputType, SparseTerm, VectorOf } from './vectors.js'
