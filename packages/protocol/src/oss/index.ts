export * from './error.js'
export * from './form.js'
