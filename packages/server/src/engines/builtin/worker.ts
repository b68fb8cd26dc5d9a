/**
 * One thread of the built-in model: its own onnxruntime session, one text at a time.
 *
 * onnxruntime-node runs a session synchronously, so it must not live on the main thread; and one text at a time is
 * what makes a vector independent of its neighbours, bit for bit. On a CPU it is also the fastest way for all but
 * very short texts, because nothing is padded.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { WorkerReply, WorkerRequest, WorkerSetup } from './worker-protocol.js'

const { modelPath } = workerData as WorkerSetup // worker-pool.ts starts this file with nothing else
const port = parentPort
if (port === null) throw new TypeError('worker.js runs as a worker thread only')

const session = await InferenceSession.create(modelPath, {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  // What goes wrong comes back as an exception; onnxruntime's own lines would only repeat it on standard error.
  logSeverityLevel: 4,
  // Patterns are kept for each input length seen; texts have hundreds of lengths.
  enableMemPattern: false,
})

const reply = (message: WorkerReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer)

/** The job under way; onnxruntime runs it in a later turn of the loop, so the end has to wait for it. */
let running: Promise<void> = Promise.resolve()

port.on('message', async (request: WorkerRequest) => {
  if (request.kind === 'run') {
    running = run(request.jobId, request.ids)
    return
  }
  await running
  await session.release()
  port.close()
})
reply({ kind: 'ready' })

async function run(jobId: number, ids: Int32Array): Promise<void> {
  try {
    const vector = await forward(ids)
    reply({ kind: 'vector', jobId, vector }, [vector.buffer])
  } catch (error) {
    reply({ kind: 'error', jobId, message: error instanceof Error ? error.message : String(error) })
  }
}

/** Shape: Int32Array[length] → Float32Array[components], not normalised. */
async function forward(ids: Int32Array): Promise<Float32Array<ArrayBuffer>> {
  const input = new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length])
  const { embedding } = await session.run({ input_ids: input })
  if (embedding === undefined) throw new TypeError('the model has no output "embedding"')
  // A copy: the tensor's own buffer belongs to onnxruntime and must not be transferred.
  return Float32Array.from(embedding.data as Float32Array)
}
