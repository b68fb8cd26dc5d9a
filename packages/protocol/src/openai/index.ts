export * from './embeddings.js'
export * from './error.js'
export * from './files.js'
export * from './models.js'
