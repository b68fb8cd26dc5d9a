/**
 * The process of one model of texts and pictures: two networks, and the preparation of pictures, which takes longer than
 * an event loop may wait. One run at a time.
 */
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { serveChild } from '../child/serve-child.js'
import { type GraphBytes, openOnnxruntime } from '../onnx/onnxruntime-session.js'
import { openOpenvino } from '../onnx/openvino-session.js'
import { GraphError, type NetworkSession } from '../onnx/session.js'
import type { ChildJob, ChildResult, ChildSetup, TowersReport } from './child-protocol.js'
import { toPixels } from './pixels.js'
import { OnnxGraph } from './split-graph.js'
import { PictureTower, TextTower } from './towers.js'

/** Of the text that is tried before it is ready, where texts are of any length. */
const USUAL_TOKENS = 8

let model: { texts: TextTower; pictures: PictureTower; setup: ChildSetup } | undefined
/** Runs follow each other: each has all threads. */
let turn: Promise<unknown> = Promise.resolve()

serveChild<ChildSetup, TowersReport, ChildJob, ChildResult>({
  load,
  run(job) {
    const result = turn.then(() => run(job))
    turn = result.catch(() => {})
    return result
  },
  async close() {
    await Promise.all([model?.texts.close(), model?.pictures.close()])
  },
})

async function load(setup: ChildSetup): Promise<TowersReport> {
  const { outputs, preprocessing, padId, filledTo } = setup
  const [text, picture] = await graphsOf(setup)
  const texts = new TextTower(await open(text, setup), { outputs: outputs.text, padId, filledTo })
  const pictures = new PictureTower(await open(picture, setup), { outputs: outputs.picture, preprocessing })
  model = { texts, pictures, setup }
  const tokens = filledTo ?? USUAL_TOKENS
  const caption = await texts.run(new Int32Array(tokens).fill(padId), tokens)
  const grey = { width: 2, height: 2, rgb: new Uint8Array(12).fill(128) }
  const seen = await pictures.run(toPixels(grey, preprocessing))
  if (caption.length !== seen.length) {
    throw new GraphError(`texts have ${caption.length} components and pictures ${seen.length}`)
  }
  return {
    dimension: seen.length,
    textOutput: texts.output,
    pictureOutput: pictures.output,
    arithmetic: pictures.arithmetic,
    isAlone: texts.isAlone,
  }
}

/** A graph of both becomes two, so that neither input costs what only the other needs. */
async function graphsOf({ text, picture, outputs }: ChildSetup): Promise<[string | GraphBytes, string | GraphBytes]> {
  if (text !== picture) return [text, picture]
  const whole = new OnnxGraph(await readFile(text))
  const part = (names: readonly string[]): GraphBytes => {
    const output = names.find((name) => whole.outputs.includes(name))
    if (output === undefined) {
      throw new GraphError(`the graph has no output ${names.join(' or ')}; its outputs are ${whole.outputs.join(', ')}`)
    }
    return { bytes: whole.partFor(output), folder: dirname(text) }
  }
  return [part(outputs.text), part(outputs.picture)]
}

function open(graph: string | GraphBytes, { threads, openvino }: ChildSetup): Promise<NetworkSession> {
  if (openvino !== undefined && typeof graph === 'string') return openOpenvino(graph, { ...openvino, threads })
  return openOnnxruntime(graph, { threads, isMemoryKept: true })
}

async function run(job: ChildJob): Promise<ChildResult> {
  if (model === undefined) throw new TypeError('the model is not loaded')
  const { texts, pictures, setup } = model
  if (job.kind === 'texts') return { vectors: await texts.run(job.ids, job.length) }
  return { vectors: await pictures.run(toPixels(job.picture, setup.preprocessing)) }
}
