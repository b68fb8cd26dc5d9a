/** The thread for long texts of a model that has a `tokenizer.json`. */
import { workerData } from 'node:worker_threads'
import { type ReadOptions, readTokenizer } from './read-tokenizer.js'
import { serveTokenizer } from './serve-tokenizer.js'

const { path, options } = workerData as { path: string; options: ReadOptions } // read-tokenizer.ts starts this file with nothing else
serveTokenizer(await readTokenizer(path, options))
