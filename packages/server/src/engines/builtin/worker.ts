/**
 * One thread of the built-in text model. One text at a time is on a CPU also the fastest way for all but very short texts,
 * because nothing is padded.
 */
import { workerData } from 'node:worker_threads'
import { Tensor } from 'onnxruntime-node'
import { embed, loadNetwork, serveWorker } from '../threads/serve-worker.js'

/** What the thread is told when it starts. */
export interface WorkerSetup {
  modelPath: string
}

const { modelPath } = workerData as WorkerSetup // engine.ts starts this file with nothing else
const network = await loadNetwork(modelPath)

/** Shape: Int32Array[length], prompt and special tokens included → Float32Array[components], not normalised. */
serveWorker([network], (ids: Int32Array) => {
  const input = new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length])
  return embed(network, { input_ids: input })
})
