import { setMaxListeners } from 'node:events'

/**
 * Like `Promise.all` over `work`, at most `limit` at a time; the first failure also stops what the others have not begun.
 *
 * @param work gets the signal that ends with the group.
 */
export async function mapBounded<Item, Value>(
  items: readonly Item[],
  work: (item: Item, signal: AbortSignal) => Promise<Value>,
  { limit, signal }: { limit: number; signal: AbortSignal },
): Promise<Value[]> {
  signal.throwIfAborted()
  const [only] = items
  if (only !== undefined && items.length === 1) return [await work(only, signal)] // its group needs no signal of its own
  const group = new AbortController()
  const either = AbortSignal.any([signal, group.signal])
  setMaxListeners(0, either) // one for each piece of work; `limit` bounds them
  const values: Value[] = []
  const waiting = items.entries()
  const lane = async () => {
    for (const [index, item] of waiting) {
      either.throwIfAborted()
      values[index] = await work(item, either)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane))
  } catch (error) {
    group.abort(error)
    throw error
  }
  return values
}
