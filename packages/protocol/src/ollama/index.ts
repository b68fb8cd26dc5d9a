export * from './embed.js'
export * from './error.js'
export * from './model-name.js'
export * from './models.js'
