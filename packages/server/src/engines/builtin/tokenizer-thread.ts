/** The thread for long texts of the built-in model. */
import { workerData } from 'node:worker_threads'
import { serveTokenizer } from '../tokenizers/serve-tokenizer.js'
import { loadTokenizer } from './weights.js'

const { folder } = workerData as { folder: string } // engine.ts starts this file with nothing else
serveTokenizer(await loadTokenizer(folder))
