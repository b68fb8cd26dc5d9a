import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fromHalf } from './half.js'
import { toInt64 } from './int64.js'
import { type Feed, GraphError, type NetworkSession, type Port } from './session.js'

export interface OpenvinoOptions {
  /** Folder with OpenVINO's libraries. */
  libraries: string
  version: string
  threads: number
}

/** `ov_element_type_e`, the formats that networks of texts have on their outside. */
const ELEMENT_TYPES = new Map([
  [3, 'float16'],
  [4, 'float32'],
  [9, 'int32'],
  [10, 'int64'],
])
const typeNumber = (type: string) => [...ELEMENT_TYPES].find(([, name]) => name === type)?.[0]

/** A type has its name once in a process, which may open several networks. */
let areTypesNamed = false

/** A pointer of the library's. */
type Pointer = object

/**
 * A network by OpenVINO's C interface, in bfloat16: where a processor multiplies it itself, two to four times as fast as
 * float32, at a cosine of 0.9999 and more to it.
 *
 * @throws {GraphError} with the library's own words.
 */
export async function openOpenvino(
  path: string,
  { libraries, version, threads }: OpenvinoOptions,
): Promise<NetworkSession> {
  const { default: koffi } = await import('koffi')
  const library = koffi.load(join(libraries, fileOf(libraries, 'libopenvino_c.so')))
  if (!areTypesNamed) {
    koffi.struct('ov_shape_t', { rank: 'int64_t', dims: 'int64_t*' })
    koffi.struct('ov_dimension_t', { min: 'int64_t', max: 'int64_t' })
    koffi.struct('ov_partial_shape_t', { rank: 'ov_dimension_t', dims: 'ov_dimension_t*' })
    areTypesNamed = true
  }
  const call = (prototype: string) => library.func(prototype)
  const lastError = call('const char* ov_get_last_err_msg()')
  const check = (status: number) => {
    if (status !== 0) throw new GraphError(`OpenVINO: ${String(lastError() || `status ${status}`).trim()}`)
  }
  /** Call a function whose last parameter is where its result goes. */
  const get = <Result = Pointer>(named: (...words: unknown[]) => number, ...words: unknown[]): Result => {
    const result: unknown[] = [null]
    check(named(...words, result))
    return result[0] as Result // what the prototype says
  }
  const functions = {
    createCore: call('int ov_core_create(_Out_ void** core)'),
    readModel: call('int ov_core_read_model(void* core, const char* path, const char* weights, _Out_ void** model)'),
    compile: call(
      'int ov_core_compile_model(void* core, void* model, const char* device, size_t words, _Out_ void** compiled, ...)',
    ),
    inputs: call('int ov_model_inputs_size(void* model, _Out_ size_t* size)'),
    outputs: call('int ov_model_outputs_size(void* model, _Out_ size_t* size)'),
    input: call('int ov_model_const_input_by_index(void* model, size_t index, _Out_ void** port)'),
    output: call('int ov_model_const_output_by_index(void* model, size_t index, _Out_ void** port)'),
    portName: call('int ov_port_get_any_name(void* port, _Out_ const char** name)'),
    portType: call('int ov_port_get_element_type(void* port, _Out_ int* type)'),
    portShape: call('int ov_port_get_partial_shape(void* port, _Out_ ov_partial_shape_t* shape)'),
    createRequest: call('int ov_compiled_model_create_infer_request(void* compiled, _Out_ void** request)'),
    tensorOf: call('int ov_tensor_create_from_host_ptr(int type, ov_shape_t shape, void* data, _Out_ void** tensor)'),
    createTensor: call('int ov_tensor_create(int type, ov_shape_t shape, _Out_ void** tensor)'),
    setTensor: call('int ov_infer_request_set_tensor(void* request, const char* name, void* tensor)'),
    infer: call('int ov_infer_request_infer(void* request)'),
    getTensor: call('int ov_infer_request_get_tensor(void* request, const char* name, _Out_ void** tensor)'),
    data: call('int ov_tensor_data(void* tensor, _Out_ void** data)'),
    byteSize: call('int ov_tensor_get_byte_size(void* tensor, _Out_ size_t* bytes)'),
    freeTensor: call('void ov_tensor_free(void* tensor)'),
    freePort: call('void ov_output_const_port_free(void* port)'),
  }
  const toPort = (port: Pointer): Port => {
    const { dims, rank } = get<{ rank: { max: bigint | number }; dims: Pointer }>(functions.portShape, port)
    const sizes: { min: bigint | number; max: bigint | number }[] = koffi.decode(
      dims,
      'ov_dimension_t',
      Number(rank.max),
    )
    const found = {
      name: get<string>(functions.portName, port),
      type: ELEMENT_TYPES.get(get<number>(functions.portType, port)) ?? 'unknown',
      shape: sizes.map(({ min, max }) => (min === max ? Number(max) : undefined)),
    }
    functions.freePort(port)
    return found
  }
  const core = get(functions.createCore)
  const model = get(functions.readModel, core, path, null)
  const portsOf = (size: typeof functions.inputs, byIndex: typeof functions.input) =>
    Array.from({ length: Number(get<bigint | number>(size, model)) }, (_, index) => toPort(get(byIndex, model, index)))
  const inputs = portsOf(functions.inputs, functions.input)
  const outputs = portsOf(functions.outputs, functions.output)
  const settings = [
    'INFERENCE_PRECISION_HINT',
    'bf16',
    'INFERENCE_NUM_THREADS',
    String(threads),
    'NUM_STREAMS',
    '1',
    'ENABLE_CPU_PINNING',
    'NO',
  ]
  const compiled: unknown[] = [null]
  check(
    functions.compile(
      core,
      model,
      'CPU',
      settings.length,
      compiled,
      ...settings.flatMap((word) => ['const char*', word]),
    ),
  )
  const request = get(functions.createRequest, compiled[0])
  const typeOf = new Map(outputs.map(({ name, type }) => [name, type]))

  const feed = (name: string, { type, values, shape }: Feed): { tensor: Pointer; data: unknown } => {
    const data = type === 'int64' ? toInt64(values) : values // whole numbers have whole values
    const sizes = { rank: shape.length, dims: toInt64(shape) }
    const tensor =
      values.length === 0
        ? get(functions.createTensor, typeNumber(type), sizes)
        : get(functions.tensorOf, typeNumber(type), sizes, data)
    check(functions.setTensor(request, name, tensor))
    return { tensor, data }
  }
  const read = (name: string): Float32Array => {
    const tensor = get(functions.getTensor, request, name)
    const bytes = koffi
      .view(get(functions.data, tensor), Number(get<bigint | number>(functions.byteSize, tensor)))
      .slice(0)
    functions.freeTensor(tensor)
    if (typeOf.get(name) === 'float32') return new Float32Array(bytes)
    if (typeOf.get(name) === 'float16') return fromHalf(new Uint16Array(bytes))
    throw new GraphError(`the output ${name} of type ${typeOf.get(name)} cannot be read`)
  }
  return {
    inputs,
    outputs,
    arithmetic: `bfloat16, OpenVINO ${version}`,
    async run(feeds, wanted) {
      // The arrays stay referenced until the library has read them.
      const fed = [...feeds].map(([name, one]) => feed(name, one))
      try {
        check(functions.infer(request))
        return new Map(wanted.map((name) => [name, read(name)]))
      } finally {
        for (const { tensor } of fed) functions.freeTensor(tensor)
      }
    },
    // The process ends with its model; what the library holds ends with it.
    close: async () => {},
  }
}

/** A library by the beginning of its name; its version is at the end. */
function fileOf(folder: string, name: string): string {
  const file = readdirSync(folder).find((own) => own.startsWith(name))
  if (file === undefined) throw new GraphError(`${folder} has no ${name}`)
  return file
}
