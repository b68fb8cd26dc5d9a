/**
 * The thread's side: its own onnxruntime sessions, one job at a time.
 *
 * onnxruntime-node runs a session synchronously, so it must not live on the main thread; and one job at a time is what
 * makes a vector independent of its neighbours, bit for bit.
 */
import { parentPort } from 'node:worker_threads'
import { InferenceSession, type Tensor } from 'onnxruntime-node'
import type { WorkerReply, WorkerRequest } from './worker-protocol.js'

/** A network on one core. */
export function loadNetwork(path: string): Promise<InferenceSession> {
  return InferenceSession.create(path, {
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
}

/** The output `embedding` of one row: a copy, because the tensor's own buffer belongs to onnxruntime and is not transferred. */
export async function embed(
  network: InferenceSession,
  feeds: Record<string, Tensor>,
): Promise<Float32Array<ArrayBuffer>> {
  const { embedding } = await network.run(feeds)
  if (embedding === undefined) throw new TypeError('the model has no output "embedding"')
  return Float32Array.from(embedding.data as Float32Array) // every network of ours ends in float32
}

/** Compute jobs until told to end, then release the networks. */
export function serveWorker<Input>(
  networks: readonly InferenceSession[],
  compute: (input: Input) => Promise<Float32Array<ArrayBuffer>>,
): void {
  const port = parentPort
  if (port === null) throw new TypeError('this file runs as a worker thread only')
  const reply = (message: WorkerReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer)

  /** The job under way; onnxruntime runs it in a later turn of the loop, so the end has to wait for it. */
  let running: Promise<void> = Promise.resolve()

  const run = async (jobId: number, input: Input) => {
    try {
      const vector = await compute(input)
      reply({ kind: 'vector', jobId, vector }, [vector.buffer])
    } catch (error) {
      reply({ kind: 'error', jobId, message: error instanceof Error ? error.message : String(error) })
    }
  }
  port.on('message', async (request: WorkerRequest<Input>) => {
    if (request.kind === 'run') {
      running = run(request.jobId, request.input)
      return
    }
    await running
    await Promise.all(networks.map((network) => network.release()))
    port.close()
  })
  reply({ kind: 'ready' })
}
