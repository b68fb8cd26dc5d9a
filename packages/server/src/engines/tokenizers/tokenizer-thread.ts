/** The thread for long texts of a model that has a `tokenizer.json`. */
import { workerData } from 'node:worker_threads'
import type { CompiledTokenizer } from './compile-tokenizer.js'
import { openTokenizer } from './open-tokenizer.js'
import { serveTokenizer } from './serve-tokenizer.js'

serveTokenizer(openTokenizer(workerData as CompiledTokenizer)) // load-tokenizer.ts starts this file with nothing else
