/**
 * Like `map` over a source, its results in order; up to `ahead` of them are worked on while the first is awaited.
 *
 * The first failure ends the iteration; what was begun is awaited, so that nothing works on behind the caller's back.
 */
export async function* mapAhead<Item, Value>(
  source: AsyncIterable<Item>,
  work: (item: Item) => Promise<Value>,
  { ahead }: { ahead: number },
): AsyncGenerator<Value> {
  const begun: Promise<Value>[] = []
  try {
    for await (const item of source) {
      const value = work(item)
      value.catch(() => {}) // it is thrown when its turn comes
      begun.push(value)
      const next = begun.length >= ahead ? begun.shift() : undefined
      if (next !== undefined) yield await next
    }
    for (let next = begun.shift(); next !== undefined; next = begun.shift()) yield await next
  } finally {
    await Promise.allSettled(begun)
  }
}
