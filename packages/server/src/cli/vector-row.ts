/** A dense vector and what it belongs to. */
export interface VectorRow {
  index: number
  /** Float32Array[dimension] */
  dense: Float32Array
  tokens: number
}

/** Where vectors are written, in order. */
export interface VectorFile {
  /** Lines of the input that an earlier run of the same command has written. */
  readonly linesDone: number
  write(row: VectorRow): Promise<void>
  /** Everything of these many lines is written, and outlives a crash. */
  checkpoint(linesDone: number): Promise<void>
  /** Stop, and leave what a later run can go on from. */
  suspend(): Promise<void>
  /** The file appears under its name. */
  finish(): Promise<void>
  /** Nothing is left behind. */
  discard(): Promise<void>
}
