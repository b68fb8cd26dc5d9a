import type { ChildJob, ChildSetup, GraphReport } from './child-protocol.js'
import { type Feed, GraphError, type NetworkSession, type Port } from './session.js'

/** Outputs with a state for each token, the best first. */
const STATES = ['last_hidden_state', 'token_embeddings', 'hidden_states', 'encoder_output']
/** Outputs with a vector for each text. */
const POOLED = ['sentence_embedding', 'dense_vecs', 'embedding', 'embeddings', 'text_embeds', 'pooled_output']
/** Outputs with a weight for each token: the sparse heads of bge-m3's exports. */
const TOKEN_WEIGHTS = ['sparse_vecs', 'sparse_weights', 'lexical_weights']
const TOKEN_INPUTS = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids']

export interface GraphOptions extends Pick<ChildSetup, 'pooling' | 'dense' | 'sparse' | 'padId'> {
  /** Outputs with a vector for each text, the best first, where it is known which there may be. */
  pooled?: readonly string[]
}

/** What to feed into a graph and what to read from it, decided once from its own names. */
export class Graph {
  readonly report: GraphReport
  readonly #inputs: readonly Port[]
  readonly #padId: number
  readonly #states: string | undefined
  readonly #pooled: string | undefined
  readonly #weights: string | undefined

  /** @throws {GraphError} for an input or output that nobody knows what to do with. */
  constructor(session: NetworkSession, { pooling, dense, sparse, padId, pooled = POOLED }: GraphOptions) {
    this.#inputs = session.inputs.map(checkInput)
    this.#padId = padId
    if (!this.#inputs.some(({ name }) => name === 'input_ids')) throw new GraphError('the graph has no input input_ids')
    const outputs = new Map(session.outputs.map((output) => [output.name, output]))
    const find = (names: readonly string[], rank: number) =>
      names.map((name) => outputs.get(name)).find((output) => output?.shape.length === rank)
    const states = find(STATES, 3)
    const weights = find(TOKEN_WEIGHTS, 3) ?? find(TOKEN_WEIGHTS, 2)
    // A graph that gives whole texts only was exported with its pooling and its dense layers inside.
    const isPooled = pooling === undefined || (states === undefined && dense.length === 0)
    const used = isPooled ? find(pooled, 2) : states
    if (used === undefined) {
      const missing = !isPooled
        ? 'the graph has no states of tokens'
        : pooled === POOLED
          ? '1_Pooling/config.json is missing, and the graph has no vector of a text'
          : `the graph has no vector of a text (${pooled.join(', ')})`
      throw new GraphError(`${missing}; its outputs are ${[...outputs.keys()].join(', ')}`)
    }
    const needsStates = sparse !== undefined && weights === undefined
    if (needsStates && states === undefined)
      throw new GraphError('the sparse head needs states of tokens, and the graph has none')
    this.#states = isPooled && !needsStates ? undefined : states?.name
    this.#pooled = isPooled ? used.name : undefined
    this.#weights = weights?.name
    this.report = {
      // Found out by the first run, which child.ts does before it is ready.
      dimension: 0,
      isSparse: weights !== undefined || sparse !== undefined,
      output: used.name,
      isPooled,
      arithmetic: session.arithmetic,
    }
  }

  get outputs(): string[] {
    return [this.#states, this.#pooled, this.#weights].filter((name) => name !== undefined)
  }

  /** Tensors of passes, padded to the longest of them on the right. */
  feeds({ ids, lengths }: Pick<ChildJob, 'ids' | 'lengths'>): Map<string, Feed> {
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
    const known: Readonly<Record<string, () => Int32Array>> = {
      input_ids: () => fill((token) => ids[token] as number, this.#padId), // ids has all passes' tokens
      attention_mask: () => fill(() => 1, 0),
      token_type_ids: () => new Int32Array(batch * width),
      position_ids: () => fill((_, column) => column, 0),
    }
    return new Map(
      this.#inputs.map((input) => {
        const values = known[input.name]?.()
        const feed =
          values === undefined ? emptyCache(input, batch) : { type: input.type, values, shape: [batch, width] }
        return [input.name, feed]
      }),
    )
  }

  /** The states of all tokens of a run, padding among them, or what the graph made of them. */
  read(results: ReadonlyMap<string, Float32Array>): {
    states: Float32Array | undefined
    pooled: Float32Array | undefined
    weights: Float32Array | undefined
  } {
    const values = (name: string | undefined) => (name === undefined ? undefined : results.get(name))
    return { states: values(this.#states), pooled: values(this.#pooled), weights: values(this.#weights) }
  }
}

function checkInput(input: Port): Port {
  const { name, type, shape } = input
  if (TOKEN_INPUTS.includes(name) && (type === 'int64' || type === 'int32')) return input
  const isCache = /^past_key_values\.\d+\.(key|value)$/.test(name) && shape.length === 4
  if (isCache && (type === 'float32' || type === 'float16')) return input
  throw new GraphError(`the input ${name} (${type}) is not known`)
}

/** A decoder's memory of earlier tokens: there are none. */
function emptyCache({ name, type, shape }: Port, batch: number): Feed {
  const [, heads, , size] = shape
  if (heads === undefined || size === undefined) throw new GraphError(`the input ${name} does not say its shape`)
  return { type, values: new Int32Array(0), shape: [batch, heads, 0, size] }
}
