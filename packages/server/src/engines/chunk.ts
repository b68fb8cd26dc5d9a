/**
 * Cut token ids into as few windows as hold them, of nearly equal length, so that no last window is a short remnant
 * whose vector says little.
 *
 * Shape: Int32Array[n] → ⌈n / window⌉ views on it, in order, none longer than `window`.
 * @throws {RangeError} for no tokens or a window below 1.
 */
export function chunk(ids: Int32Array, window: number): Int32Array[] {
  if (ids.length === 0 || window < 1) throw new RangeError(`cannot cut ${ids.length} tokens into windows of ${window}`)
  const count = Math.ceil(ids.length / window)
  return Array.from({ length: count }, (_, i) =>
    ids.subarray(Math.floor((i * ids.length) / count), Math.floor(((i + 1) * ids.length) / count)),
  )
}
