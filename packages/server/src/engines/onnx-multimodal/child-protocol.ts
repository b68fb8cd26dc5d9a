import type { Picture } from '../../media/picture.js'
import type { Description } from './description.js'

/** What the child process is told to load. */
export interface ChildSetup {
  /** Paths of the graphs; the same one where it has both. */
  text: string
  picture: string
  outputs: Description['outputs']
  preprocessing: Description['preprocessing']
  /** Tokens that every text is filled up to, where it is. */
  filledTo: number | undefined
  padId: number
  threads: number
  /** Compute with OpenVINO in bfloat16 instead of onnxruntime, where each network has a file of its own. */
  openvino: { libraries: string; version: string } | undefined
}

/** Texts of one length, one after the other, or one picture. */
export type ChildJob = { kind: 'texts'; ids: Int32Array; length: number } | { kind: 'picture'; picture: Picture }

/** What the graphs turned out to be. */
export interface TowersReport {
  dimension: number
  /** Names of the outputs that are used. */
  textOutput: string
  pictureOutput: string
  arithmetic: string
  /** Whether the graph takes one text at a time only. */
  isAlone: boolean
}

/** Vectors one after the other. */
export interface ChildResult {
  vectors: Float32Array
}
