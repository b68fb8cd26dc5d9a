export * from './error.js'
export * from './models.js'
export * from './text-embedding.js'
export * from './tokenizer.js'
