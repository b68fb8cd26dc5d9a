export * from './embed.js'
export * from './error.js'
