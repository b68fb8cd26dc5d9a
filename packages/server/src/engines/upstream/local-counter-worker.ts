/** One thread with a model's tokenizer.json; counts tokens and nothing else. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { Tokenizer } from '@huggingface/tokenizers'
import type { CountReply, CountRequest } from './local-counter.js'

const { folder } = workerData as { folder: string } // local-counter.ts starts this file with nothing else
const port = parentPort
if (port === null) throw new TypeError('local-counter-worker.js runs as a worker thread only')

const read = (name: string): object => JSON.parse(readFileSync(join(folder, name), 'utf8'))
const config = 'tokenizer_config.json'
const tokenizer = new Tokenizer(read('tokenizer.json'), existsSync(join(folder, config)) ? read(config) : {})
const reply = (message: CountReply) => port.postMessage(message)

port.on('message', ({ id, texts }: CountRequest) => {
  try {
    const counts = texts.map((text) => tokenizer.encode(text, { add_special_tokens: false }).ids.length)
    reply({ id, counts })
  } catch (error) {
    reply({ id, error: error instanceof Error ? error.name : 'failed' })
  }
})
reply({ isReady: true })
