import type { InferenceSession } from 'onnxruntime-node'
import { Tensor } from 'onnxruntime-node'
import type { ChildJob, ChildSetup, GraphReport } from './child-protocol.js'
import { fromHalf } from './half.js'

/** A graph has an input or output that is not known. */
export class GraphError extends Error {
  override readonly name = 'GraphError'
}

type Values = InferenceSession.TensorValueMetadata

/** Outputs with a state for each token, the best first. */
const STATES = ['last_hidden_state', 'token_embeddings', 'hidden_states', 'encoder_output']
/** Outputs with a vector for each text. */
const POOLED = ['sentence_embedding', 'dense_vecs', 'embedding', 'embeddings', 'text_embeds', 'pooled_output']
/** Outputs with a weight for each token: the sparse heads of bge-m3's exports. */
const TOKEN_WEIGHTS = ['sparse_vecs', 'sparse_weights', 'lexical_weights']
/** Sizes that do not stand in the graph. */
const SYMBOLIC = 'string'

/** What to feed into a graph and what to read from it, decided once from its own names. */
export class Graph {
  readonly report: GraphReport
  readonly #inputs: readonly Values[]
  readonly #padId: number
  readonly #states: string | undefined
  readonly #pooled: string | undefined
  readonly #weights: string | undefined

  /** @throws {GraphError} for an input or output that nobody knows what to do with. */
  constructor(session: InferenceSession, { pooling, dense, sparse, padId }: ChildSetup) {
    this.#inputs = session.inputMetadata.map(checkInput)
    this.#padId = padId
    if (!this.#inputs.some(({ name }) => name === 'input_ids')) throw new GraphError('the graph has no input input_ids')
    const outputs = new Map(session.outputMetadata.map((output) => [output.name, output]))
    const find = (names: readonly string[], rank: number) =>
      names.map((name) => outputs.get(name)).find((output) => output?.isTensor === true && output.shape.length === rank)
    const states = find(STATES, 3)
    const pooled = find(POOLED, 2)
    const weights = find(TOKEN_WEIGHTS, 3) ?? find(TOKEN_WEIGHTS, 2)
    // A graph that gives whole texts only was exported with its pooling and its dense layers inside.
    const isPooled = pooling === undefined || (states === undefined && dense.length === 0)
    const used = isPooled ? pooled : states
    if (used?.isTensor !== true) {
      const missing = isPooled
        ? '1_Pooling/config.json is missing, and the graph has no vector of a text'
        : 'the graph has no states of tokens'
      throw new GraphError(`${missing}; its outputs are ${session.outputNames.join(', ')}`)
    }
    if (sparse !== undefined && weights === undefined && states === undefined) {
      throw new GraphError('the sparse head needs states of tokens, and the graph has none')
    }
    this.#states = isPooled && (sparse === undefined || weights !== undefined) ? undefined : states?.name
    this.#pooled = isPooled ? used.name : undefined
    this.#weights = weights?.name
    const hidden = used.shape.at(-1)
    const last = dense.at(-1)
    const dimension = last === undefined ? hidden : last.weight.length / inputsOf(dense, hidden)
    this.report = {
      // A graph that does not say its width is asked by running it; child.ts does so before it is ready.
      dimension: typeof dimension === 'number' ? dimension : 0,
      isSparse: weights !== undefined || sparse !== undefined,
      output: used.name,
      isPooled,
      arithmetic: used.type,
    }
  }

  get outputs(): string[] {
    return [this.#states, this.#pooled, this.#weights].filter((name) => name !== undefined)
  }

  /** Tensors of passes, padded to the longest of them on the right. */
  feeds({ ids, lengths }: ChildJob): Record<string, Tensor> {
    const batch = lengths.length
    const width = lengths.reduce((longest, length) => Math.max(longest, length), 0)
    const fill = (value: (token: number, column: number) => number, padding: number) => {
      const values = new Int32Array(batch * width).fill(padding)
      let token = 0
      lengths.forEach((length, row) => {
        for (let column = 0; column < length; column++) values[row * width + column] = value(token++, column)
      })
      return values
    }
    const shape = [batch, width]
    const known: Readonly<Record<string, () => Int32Array>> = {
      input_ids: () => fill((token) => ids[token] as number, this.#padId), // ids has all passes' tokens
      attention_mask: () => fill(() => 1, 0),
      token_type_ids: () => new Int32Array(batch * width),
      position_ids: () => fill((_, column) => column, 0),
    }
    return Object.fromEntries(
      this.#inputs.map((input) => {
        const values = known[input.name]?.()
        return [input.name, values === undefined ? emptyCache(input, batch) : toTensor(values, input.type, shape)]
      }),
    )
  }

  /** The states of all tokens of a run, padding among them, or what the graph made of them. */
  read(results: InferenceSession.OnnxValueMapType): {
    states: Float32Array | undefined
    pooled: Float32Array | undefined
    weights: Float32Array | undefined
  } {
    const values = (name: string | undefined) => (name === undefined ? undefined : toFloats(results[name]))
    return { states: values(this.#states), pooled: values(this.#pooled), weights: values(this.#weights) }
  }
}

function inputsOf(dense: ChildSetup['dense'], hidden: number | string | undefined): number {
  let inputs = typeof hidden === 'number' ? hidden : 0
  for (const { weight } of dense.slice(0, -1)) inputs = weight.length / inputs
  return inputs
}

function checkInput(input: InferenceSession.ValueMetadata): Values {
  const isKnown = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'].includes(input.name)
  if (!input.isTensor) throw new GraphError(`the input ${input.name} is no tensor`)
  if (isKnown && (input.type === 'int64' || input.type === 'int32')) return input
  const isCache = /^past_key_values\.\d+\.(key|value)$/.test(input.name) && input.shape.length === 4
  if (isCache && (input.type === 'float32' || input.type === 'float16')) return input
  throw new GraphError(`the input ${input.name} (${input.type}) is not known`)
}

/** A decoder's memory of earlier tokens: there are none. */
function emptyCache({ name, type, shape }: Values, batch: number): Tensor {
  const [, heads, , size] = shape
  if (typeof heads === SYMBOLIC || typeof size === SYMBOLIC)
    throw new GraphError(`the input ${name} does not say its shape`)
  const sizes = [batch, Number(heads), 0, Number(size)]
  return type === 'float16'
    ? new Tensor('float16', new Uint16Array(0), sizes)
    : new Tensor('float32', new Float32Array(0), sizes)
}

function toTensor(values: Int32Array, type: Values['type'], shape: readonly number[]): Tensor {
  if (type === 'int32') return new Tensor('int32', values, shape)
  return new Tensor('int64', BigInt64Array.from(values, BigInt), shape)
}

function toFloats(tensor: InferenceSession.OnnxValueMapType[string] | undefined): Float32Array {
  const data: unknown = tensor?.data
  if (data instanceof Float32Array) return data
  if (data instanceof Uint16Array) return fromHalf(data)
  // Node.js 24 has an array type of half-precision numbers of its own.
  if (ArrayBuffer.isView(data) && tensor?.type === 'float16')
    return fromHalf(new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2))
  throw new GraphError(`an output of type ${String(tensor?.type)} cannot be read`)
}
