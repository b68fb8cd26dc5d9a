/**
 * Some exports have the networks of texts and of pictures in one graph, and compute both whatever is asked for. Here such
 * a graph is cut: kept are the nodes that an output depends on, and the numbers that those need.
 *
 * An ONNX file is a protobuf; only its messages' outlines and the names in them are read, one pass over the file. What is
 * kept is copied as it is. Time and memory are linear in the file.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */

/** Field numbers of ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto, SparseTensorProto, ValueInfoProto. */
const MODEL = { graph: 7 }
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12, valueInfo: 13, sparseInitializer: 15 }
const NODE = { input: 1, output: 2, attribute: 5 }
const ATTRIBUTE = { graph: 6, graphs: 11 }
const TENSOR_NAME = 8
const SPARSE_VALUES = 1
const VALUE_NAME = 1

interface Field {
  number: number
  /** The content of a length-delimited field; empty for numbers. */
  content: Uint8Array
  /** The field with its tag and length. */
  whole: Uint8Array
}

interface Node {
  field: Field
  needs: readonly string[]
}

export class OnnxGraph {
  /** Names of what the graph gives. */
  readonly outputs: readonly string[]
  readonly #model: readonly Field[]
  readonly #graph: readonly Field[]
  /** By the names of their outputs. */
  readonly #makers = new Map<string, Node>()

  /** @param bytes of an ONNX file. @throws {RangeError} for what is none. */
  constructor(bytes: Uint8Array) {
    this.#model = fieldsOf(bytes)
    const graph = this.#model.find(({ number }) => number === MODEL.graph)
    if (graph === undefined) throw new RangeError('the file has no graph')
    this.#graph = fieldsOf(graph.content)
    this.outputs = this.#graph
      .filter(({ number }) => number === GRAPH.output)
      .map(({ content }) => nameIn(content, VALUE_NAME))
    for (const field of this.#graph) {
      if (field.number !== GRAPH.node) continue
      const parts = fieldsOf(field.content)
      const node = { field, needs: [...namesIn(parts, NODE.input), ...innerNeeds(parts)] }
      for (const name of namesIn(parts, NODE.output)) this.#makers.set(name, node)
    }
  }

  /** An ONNX file that gives `output` only, and takes what that depends on. */
  partFor(output: string): Uint8Array {
    const used = new Set<string>()
    const nodes = new Set<Field>()
    const waiting = [output]
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (used.has(name)) continue
      used.add(name)
      const maker = this.#makers.get(name)
      if (maker === undefined || nodes.has(maker.field)) continue
      nodes.add(maker.field)
      waiting.push(...maker.needs)
    }
    const isKept = (field: Field): boolean => {
      const { number, content } = field
      if (number === GRAPH.node) return nodes.has(field)
      if (number === GRAPH.initializer) return used.has(nameIn(content, TENSOR_NAME))
      if (number === GRAPH.sparseInitializer) return used.has(sparseName(content))
      if (number === GRAPH.input || number === GRAPH.valueInfo) return used.has(nameIn(content, VALUE_NAME))
      return number !== GRAPH.output || nameIn(content, VALUE_NAME) === output
    }
    const graph = this.#graph.filter(isKept).map(({ whole }) => whole)
    const length = graph.reduce((sum, part) => sum + part.length, 0)
    const others = this.#model.filter(({ number }) => number !== MODEL.graph).map(({ whole }) => whole)
    return Buffer.concat([...others, varint((MODEL.graph << 3) | 2), varint(length), ...graph])
  }
}

/** Names that graphs inside of a node (If, Loop) use; some are their own. */
function innerNeeds(parts: readonly Field[]): string[] {
  return parts
    .filter(({ number }) => number === NODE.attribute)
    .flatMap(({ content }) => fieldsOf(content))
    .filter(({ number }) => number === ATTRIBUTE.graph || number === ATTRIBUTE.graphs)
    .flatMap(({ content }) => fieldsOf(content))
    .flatMap(({ number, content }) => {
      if (number === GRAPH.output) return [nameIn(content, VALUE_NAME)]
      if (number !== GRAPH.node) return []
      const inner = fieldsOf(content)
      return [...namesIn(inner, NODE.input), ...innerNeeds(inner)]
    })
}

function sparseName(content: Uint8Array): string {
  const values = fieldsOf(content).find(({ number }) => number === SPARSE_VALUES)
  return values === undefined ? '' : nameIn(values.content, TENSOR_NAME)
}

function nameIn(message: Uint8Array, number: number): string {
  return namesIn(fieldsOf(message), number)[0] ?? ''
}

function namesIn(fields: readonly Field[], number: number): string[] {
  return fields.filter((field) => field.number === number).map(({ content }) => Buffer.from(content).toString())
}

/** The fields of a message, none of them copied. @throws {RangeError} where it is cut off or no protobuf. */
function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = []
  let at = 0
  const readVarint = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]
      if (byte === undefined || shift > 63) throw new RangeError('the file is no ONNX')
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const start = at
    const tag = readVarint()
    const kind = tag & 7
    if (kind === 0) readVarint()
    const length = kind === 1 ? 8 : kind === 5 ? 4 : kind === 2 ? readVarint() : 0
    if ((kind > 2 && kind !== 5) || length > message.length - at) throw new RangeError('the file is no ONNX')
    const content = kind === 2 ? message.subarray(at, at + length) : message.subarray(0, 0)
    at += length
    fields.push({ number: Math.floor(tag / 8), content, whole: message.subarray(start, at) })
  }
  return fields
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Uint8Array.of(...bytes, rest)
}
