/**
 * The process of one ONNX model: its own session, one run at a time.
 *
 * The network computes synchronously, takes as much memory as its graph asks for, and may end its process; so it has
 * one of its own, which `child/child-runner.ts` watches and starts anew.
 */
import { serveChild } from '../child/serve-child.js'
import type { ChildJob, ChildResult, ChildSetup } from './child-protocol.js'
import { Graph } from './graph.js'
import { openOnnxruntime } from './onnxruntime-session.js'
import { openOpenvino } from './openvino-session.js'
import { applyDense, pool } from './pooling.js'
import type { NetworkSession } from './session.js'

let model: { session: NetworkSession; graph: Graph; setup: ChildSetup } | undefined
/** Runs follow each other. */
let turn: Promise<unknown> = Promise.resolve()

serveChild<ChildSetup, Graph['report'], ChildJob, ChildResult>({
  load,
  run(job) {
    const result = turn.then(() => run(job))
    turn = result.catch(() => {})
    return result
  },
  async close() {
    await model?.session.close()
  },
})

function open({ weightsPath, threads, isMemoryKept, openvino }: ChildSetup): Promise<NetworkSession> {
  if (openvino !== undefined) return openOpenvino(weightsPath, { ...openvino, threads })
  return openOnnxruntime(weightsPath, { threads, isMemoryKept })
}

async function load(setup: ChildSetup): Promise<Graph['report']> {
  const session = await open(setup)
  const graph = new Graph(session, setup)
  model = { session, graph, setup }
  let { dimension } = graph.report
  for (const length of setup.warmUp) {
    const { dense } = await run({
      ids: new Int32Array(length).fill(setup.padId),
      lengths: Int32Array.of(length),
      promptLengths: Int32Array.of(0),
    })
    dimension = dense.length
  }
  return { ...graph.report, dimension }
}

async function run(job: ChildJob): Promise<ChildResult> {
  if (model === undefined) throw new TypeError('the model is not loaded')
  const { session, graph, setup } = model
  const { states, pooled, weights } = graph.read(await session.run(graph.feeds(job), graph.outputs))
  const { lengths } = job
  const width = lengths.reduce((longest, length) => Math.max(longest, length), 0)
  const vectors = Array.from(lengths, (length, row) => {
    if (pooled !== undefined)
      return pooled.slice((row * pooled.length) / lengths.length, ((row + 1) * pooled.length) / lengths.length)
    if (states === undefined || setup.pooling === undefined) throw new TypeError('there is nothing to pool')
    const hidden = states.length / (lengths.length * width)
    const skipped = setup.isPromptPooled ? 0 : (job.promptLengths[row] ?? 0)
    return pool({ values: states, offset: row * width * hidden, length, hidden }, setup.pooling, skipped)
  }).map((vector) => setup.dense.reduce(applyDense, vector))
  const dimension = vectors[0]?.length ?? 0
  const dense = new Float32Array(vectors.length * dimension)
  vectors.forEach((vector, row) => {
    dense.set(vector, row * dimension)
  })
  return { dense, weights: weightsOf(job, width, { states, weights }) }
}

/** One weight for each token of each pass, from the graph or from its states: relu(w · h + b). */
function weightsOf(
  { lengths }: ChildJob,
  width: number,
  { states, weights }: { states: Float32Array | undefined; weights: Float32Array | undefined },
): Float32Array | undefined {
  const head = model?.setup.sparse
  if (weights === undefined && (head === undefined || states === undefined)) return undefined
  const found = new Float32Array(lengths.reduce((sum, length) => sum + length, 0))
  let token = 0
  lengths.forEach((length, row) => {
    for (let column = 0; column < length; column++) {
      const place = row * width + column
      const logit = weights === undefined ? project(head, states, place) : (weights[place] ?? 0)
      found[token++] = Math.max(logit, 0)
    }
  })
  return found
}

function project(head: ChildSetup['sparse'], states: Float32Array | undefined, place: number): number {
  if (head === undefined || states === undefined) return 0
  let sum = head.bias
  const start = place * head.weight.length
  for (let i = 0; i < head.weight.length; i++) sum += (head.weight[i] as number) * (states[start + i] as number) // i < length
  return sum
}
