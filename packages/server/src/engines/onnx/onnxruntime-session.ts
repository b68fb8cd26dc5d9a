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
  return {
    inputs: session.inputMetadata.map(toPort),
    outputs,
    arithmetic: outputs.find(({ name }) => name === session.outputNames[0])?.type ?? 'unknown',
    async run(feeds, wanted) {
      const tensors = Object.fromEntries([...feeds].map(([name, feed]) => [name, toTensor(feed)]))
      const results = await session.run(tensors, [...wanted])
      return new Map(wanted.map((name) => [name, toFloats(name, results[name])]))
    },
    close: () => session.release(),
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
