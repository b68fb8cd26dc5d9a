import type { Pooling } from './description.js'

/** The states of one pass's tokens, a row each, within a larger array. */
export interface States {
  values: Float32Array
  /** Where the first row begins. */
  offset: number
  length: number
  hidden: number
}

/**
 * One vector of the states of a pass's tokens; padding is not among them.
 *
 * Shape: [length, hidden] → Float32Array[hidden]. As sentence-transformers' Pooling module computes it.
 * @param skipped leading tokens that are left out: the prompt, where the model does not pool it.
 */
export function pool(states: States, pooling: Pooling, skipped: number): Float32Array {
  const { values, offset, length, hidden } = states
  const row = (token: number) => values.subarray(offset + token * hidden, offset + (token + 1) * hidden)
  if (pooling === 'cls') return row(skipped).slice()
  if (pooling === 'lasttoken') return row(length - 1).slice()
  if (pooling === 'max') return largest(states, skipped)
  const pooled = new Float64Array(hidden)
  let total = 0
  for (let token = skipped; token < length; token++) {
    const weight = pooling === 'weightedmean' ? token + 1 : 1
    total += weight
    const start = offset + token * hidden
    for (let i = 0; i < hidden; i++) pooled[i] = (pooled[i] as number) + weight * (values[start + i] as number) // i < hidden
  }
  const divisor = pooling === 'mean_sqrt_len' ? Math.sqrt(total) : total
  const vector = new Float32Array(hidden)
  for (let i = 0; i < hidden; i++) vector[i] = (pooled[i] as number) / divisor // i < hidden
  return vector
}

function largest({ values, offset, length, hidden }: States, skipped: number): Float32Array {
  const pooled = new Float32Array(hidden).fill(Number.NEGATIVE_INFINITY)
  for (let token = skipped; token < length; token++) {
    const start = offset + token * hidden
    for (let i = 0; i < hidden; i++) pooled[i] = Math.max(pooled[i] as number, values[start + i] as number) // i < hidden
  }
  return pooled
}

/**
 * A linear layer and its activation. Shape: Float32Array[inputs] → Float32Array[outputs].
 * @param weight [outputs, inputs], row by row.
 */
export function applyDense(
  x: Float32Array,
  {
    weight,
    bias,
    activation,
  }: { weight: Float32Array; bias: Float32Array | undefined; activation: 'identity' | 'tanh' | 'relu' },
): Float32Array {
  const outputs = weight.length / x.length
  return Float32Array.from({ length: outputs }, (_, row) => {
    let sum = bias?.[row] ?? 0
    const start = row * x.length
    for (let i = 0; i < x.length; i++) sum += (weight[start + i] as number) * (x[i] as number) // i < x.length
    if (activation === 'tanh') return Math.tanh(sum)
    return activation === 'relu' ? Math.max(sum, 0) : sum
  })
}
