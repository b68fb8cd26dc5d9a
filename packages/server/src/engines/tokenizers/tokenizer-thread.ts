/** The thread for long texts of a model that has a `tokenizer.json`. */
import { workerData } from 'node:worker_threads'
import { readTokenizer } from './read-tokenizer.js'
import { serveTokenizer } from './serve-tokenizer.js'

const { path } = workerData as { path: string } // read-tokenizer.ts starts this file with nothing else
serveTokenizer(await readTokenizer(path))
