export { type EmbedAnswer, type EmbedOptions, QuiverClient, type QuiverClientOptions, QuiverError } from './client.js'
