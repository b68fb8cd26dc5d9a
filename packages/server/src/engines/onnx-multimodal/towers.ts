import { Graph } from '../onnx/graph.js'
import { GraphError, type NetworkSession, type Port } from '../onnx/session.js'
import { type Preprocessing, sizeOf } from './preprocessing.js'

const PIXELS = 'pixel_values'

export interface TextTowerOptions {
  outputs: readonly string[]
  padId: number
  /** Tokens that every text is filled up to, where it is. */
  filledTo: number | undefined
}

/** The network of texts. */
export class TextTower {
  /** Whether the graph takes one text at a time only. */
  readonly isAlone: boolean
  readonly #session: NetworkSession
  readonly #graph: Graph

  /** @throws {GraphError} for an input that is not known, texts of another shape, or without any of `outputs`. */
  constructor(session: NetworkSession, { outputs, padId, filledTo }: TextTowerOptions) {
    this.#session = session
    this.#graph = new Graph(session, { pooling: undefined, dense: [], sparse: undefined, padId, pooled: outputs })
    const [batch, tokens] = session.inputs.find(({ name }) => name === 'input_ids')?.shape ?? []
    if (batch !== undefined && batch !== 1) throw new GraphError(`the graph takes ${batch} texts at once and no fewer`)
    if (tokens !== undefined && tokens !== filledTo) {
      const said = filledTo === undefined ? 'no file says that they are filled up' : `its files say ${filledTo}`
      throw new GraphError(`the graph takes texts of ${tokens} tokens only, and ${said}`)
    }
    this.isAlone = batch === 1
  }

  get output(): string {
    return this.#graph.report.output
  }

  /**
   * Every token counts, those that fill up too: so the models of this kind were trained.
   *
   * @param ids of texts of `length` tokens each, one after the other. @returns their vectors, likewise.
   */
  async run(ids: Int32Array, length: number): Promise<Float32Array> {
    const lengths = new Int32Array(ids.length / length).fill(length)
    const { pooled } = this.#graph.read(
      await this.#session.run(this.#graph.feeds({ ids, lengths }), this.#graph.outputs),
    )
    if (pooled === undefined) throw new TypeError('the graph of texts gives no vectors')
    return pooled
  }

  close(): Promise<void> {
    return this.#session.close()
  }
}

/** The network of pictures. */
export class PictureTower {
  readonly output: string
  readonly arithmetic: string
  readonly #session: NetworkSession
  readonly #shape: readonly number[]

  /** @throws {GraphError} for an input that is not known, another size than its pictures have, or without any of `outputs`. */
  constructor(
    session: NetworkSession,
    { outputs, preprocessing }: { outputs: readonly string[]; preprocessing: Preprocessing },
  ) {
    this.#session = session
    const { width, height } = sizeOf(preprocessing)
    this.#shape = [1, 3, height, width]
    for (const input of session.inputs) this.#check(input)
    const output = outputs.find((name) => session.outputs.some((port) => port.name === name && port.shape.length === 2))
    if (output === undefined) {
      const there = session.outputs.map(({ name }) => name).join(', ')
      throw new GraphError(`the graph of pictures has no output ${outputs.join(' or ')}; its outputs are ${there}`)
    }
    this.output = output
    this.arithmetic = session.arithmetic
  }

  /** @param pixels as `toPixels` makes them. @returns the picture's vector. */
  async run(pixels: Float32Array): Promise<Float32Array> {
    const feed = { type: 'float32', values: pixels, shape: this.#shape }
    const results = await this.#session.run(new Map([[PIXELS, feed]]), [this.output])
    const vector = results.get(this.output)
    if (vector === undefined) throw new TypeError('the graph of pictures gives no vector')
    return vector
  }

  close(): Promise<void> {
    return this.#session.close()
  }

  #check({ name, type, shape }: Port): void {
    if (name !== PIXELS || type !== 'float32') throw new GraphError(`the input ${name} (${type}) is not known`)
    const isRight = this.#shape.every((size, axis) => shape[axis] === undefined || shape[axis] === size)
    if (isRight && shape.length === this.#shape.length) return
    const taken = shape.map((size) => size ?? 'any').join(' × ')
    throw new GraphError(
      `the graph takes pictures of ${taken}; preprocessor_config.json makes them ${this.#shape.join(' × ')}`,
    )
  }
}
