/** One thread of the built-in picture model: both towers, one picture or text at a time. */
import { workerData } from 'node:worker_threads'
import { Tensor } from 'onnxruntime-node'
import type { Picture } from '../../media/picture.js'
import { resize } from '../../media/resize.js'
import { embed, loadNetwork, serveWorker } from '../threads/serve-worker.js'

/** What the thread is told when it starts. */
export interface ImageWorkerSetup {
  imagePath: string
  textPath: string
  /** Pixels of a side of the square that pictures are squashed to. */
  side: number
}

/** A picture; or a text as the text engine sees it: its raw vector, and its token ids without prompt. */
export type ImageJob = { kind: 'picture'; picture: Picture } | { kind: 'text'; vector: Float32Array; ids: Int32Array }

const { imagePath, textPath, side } = workerData as ImageWorkerSetup // engine.ts starts this file with nothing else
const [image, text] = await Promise.all([loadNetwork(imagePath), loadNetwork(textPath)])

/** → Float32Array[dimension], not normalised. */
serveWorker([image, text], (job: ImageJob) => {
  if (job.kind === 'text') {
    return embed(text, {
      vector: new Tensor('float32', job.vector, [1, job.vector.length]),
      ids: new Tensor('int64', BigInt64Array.from(job.ids, BigInt), [job.ids.length]),
    })
  }
  // Squashed, not cropped: the photos of the training came so, and nothing at the edges is lost.
  const { rgb } = resize(job.picture, { width: side, height: side, resample: 'bilinear' })
  return embed(image, { pixels: new Tensor('uint8', rgb, [1, side, side, 3]) })
})
