/**
 * Whole numbers for an input of type int64, without a BigInt for each of them: their two halves, in the order in which every
 * processor that has a network's library here keeps them in memory.
 */
export function toInt64(values: ArrayLike<number>): BigInt64Array {
  const halves = new Int32Array(2 * values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number // i < length
    halves[2 * i] = value
    halves[2 * i + 1] = value < 0 ? -1 : 0
  }
  return new BigInt64Array(halves.buffer)
}
