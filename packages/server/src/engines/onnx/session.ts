/** An input or output of a network. */
export interface Port {
  name: string
  /** `int64`, `float32`, …; as onnxruntime calls them. */
  type: string
  /** undefined: not known before a run. */
  shape: readonly (number | undefined)[]
}

/** What is fed into an input: whole numbers, floats, or nothing at all in a shape that says so. */
export interface Feed {
  type: string
  values: Int32Array | Float32Array
  shape: readonly number[]
}

/** A loaded network, whoever computes it. */
export interface NetworkSession {
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  /** Number format of the computation, and of whom: part of a vector space's identity. */
  readonly arithmetic: string
  /** @returns the outputs that are asked for, as float32. One run at a time: the next may write over states of tokens. */
  run(feeds: ReadonlyMap<string, Feed>, outputs: readonly string[]): Promise<ReadonlyMap<string, Float32Array>>
  close(): Promise<void>
}

/** A network has an input or output that is not known, or does not run. */
export class GraphError extends Error {
  override readonly name = 'GraphError'
}
