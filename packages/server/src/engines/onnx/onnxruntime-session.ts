import { InferenceSession, Tensor } from 'onnxruntime-node'
import { fromHalf } from './half.js'
import { toInt64 } from './int64.js'
import { type Feed, GraphError, type NetworkSession, type Port } from './session.js'

export interface OnnxruntimeOptions {
  threads: number
  /** Whether memory of the largest run is kept for the next one: faster by some percent. */
  isMemoryKept: boolean
}

/** A graph that is in no file of its own, and the folder of the numbers that it keeps in files beside it. */
export interface GraphBytes {
  bytes: Uint8Array
  folder: string
}

/** A network by onnxruntime, in the number format of its file. */
export async function openOnnxruntime(
  graph: string | GraphBytes,
  { threads, isMemoryKept }: OnnxruntimeOptions,
): Promise<NetworkSession> {
  const options: InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    // Patterns are kept for each shape seen; texts have hundreds of lengths.
    enableMemPattern: false,
    enableCpuMemArena: isMemoryKept,
    // Threads that spin while they wait take the processor from everybody else.
    extra: {
      session: {
        intra_op: { allow_spinning: '0' },
        inter_op: { allow_spinning: '0' },
        ...(typeof graph !== 'string' && { model_external_initializers_file_folder_path: graph.folder }),
      },
    },
  }
  const session = await (typeof graph === 'string'
    ? InferenceSession.create(graph, options)
    : InferenceSession.create(graph.bytes, options))
  const outputs = session.outputMetadata.map(toPort)
  const states = new Map(isMemoryKept ? outputs.filter(isStates).map((port) => [port.name, new KeptStates(port)]) : [])
  return {
    inputs: session.inputMetadata.map(toPort),
    outputs,
    arithmetic: outputs.find(({ name }) => name === session.outputNames[0])?.type ?? 'unknown',
    async run(feeds, wanted) {
      const tensors = Object.fromEntries([...feeds].map(([name, feed]) => [name, toTensor(feed)]))
      const [first] = feeds.values()
      const shape = first?.shape ?? []
      const results = await session.run(
        tensors,
        Object.fromEntries(wanted.map((name) => [name, states.get(name)?.place(shape) ?? null])),
      )
      for (const name of wanted) states.get(name)?.learn(shape, results[name])
      return new Map(wanted.map((name) => [name, toFloats(name, results[name])]))
    },
    close: () => session.release(),
  }
}

function isStates({ type, shape }: Port): boolean {
  return type === 'float32' && shape.length === 3 && shape[2] !== undefined
}

/**
 * Memory for the states of all tokens of a run, [texts, tokens, units], used by one run after the other. They are some
 * hundred kilobytes a run, of which a vector a text is kept: left to the garbage collector, which is in no hurry, they
 * filled tens of megabytes.
 */
class KeptStates {
  readonly #units: number
  #values = new Float32Array(0)
  /** Whether the output has a row for each token that is fed; the first run tells. */
  #isKnown = false

  constructor({ shape }: Port) {
    this.#units = shape[2] ?? 0
  }

  /** @param fed shape of what is fed: [texts, tokens]. @returns where the run is to leave its states; null: where it likes. */
  place(fed: readonly number[]): Tensor | null {
    if (!this.#isKnown) return null
    const shape = [...fed, this.#units]
    const length = shape.reduce((product, size) => product * size, 1)
    if (length > this.#values.length) this.#values = new Float32Array(length)
    return new Tensor('float32', this.#values.subarray(0, length), shape)
  }

  learn(fed: readonly number[], result: InferenceSession.OnnxValueMapType[string] | undefined): void {
    this.#isKnown ||= String(result?.dims) === String([...fed, this.#units])
  }
}

function toPort(value: InferenceSession.ValueMetadata): Port {
  if (!value.isTensor) throw new GraphError(`${value.name} is no tensor`)
  return {
    name: value.name,
    type: value.type,
    shape: value.shape.map((size) => (typeof size === 'number' ? size : undefined)),
  }
}

function toTensor({ type, values, shape }: Feed): Tensor {
  if (values instanceof Float32Array) return new Tensor('float32', values, shape)
  if (type === 'int64') return new Tensor('int64', toInt64(values), shape)
  if (type === 'int32') return new Tensor('int32', values, shape)
  return type === 'float16'
    ? new Tensor('float16', new Uint16Array(0), shape)
    : new Tensor('float32', new Float32Array(0), shape)
}

function toFloats(name: string, tensor: InferenceSession.OnnxValueMapType[string] | undefined): Float32Array {
  const data: unknown = tensor?.data
  if (data instanceof Float32Array) return data
  // Newer versions of Node.js have an array type of half-precision numbers of their own.
  if (ArrayBuffer.isView(data) && tensor?.type === 'float16') {
    return fromHalf(new Uint16Array(data.buffer, data.byteOffset, data.byteLength / Uint16Array.BYTES_PER_ELEMENT))
  }
  throw new GraphError(`the output ${name} of type ${String(tensor?.type)} cannot be read`)
}
