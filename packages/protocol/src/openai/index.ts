export * from './batches.js'
export * from './embeddings.js'
export * from './error.js'
export * from './models.js'
