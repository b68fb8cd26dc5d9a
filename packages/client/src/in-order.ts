import { openScope } from './call-scope.js'

type Slot<Value> = { state: 'running' } | { state: 'done'; value: Value } | { state: 'failed'; error: unknown }

/**
 * Work on the items of a source, up to `concurrency` at once, and yield the results in the order of the items.
 *
 * Bounded: an item is read only when fewer than `concurrency` results are computed or wait to be taken, so that a slow
 * reader slows the source down. The first failure in order ends it; then, and when the reader leaves early, work that
 * still runs is aborted and the source is closed. A fast result never waits for the source.
 */
export async function* inOrder<Item, Value>(
  source: AsyncIterable<Item>,
  work: (item: Item, signal: AbortSignal) => Promise<Value>,
  { concurrency, signal }: { concurrency: number; signal: AbortSignal },
): AsyncGenerator<Value> {
  const scope = openScope({ signal })
  const iterator = source[Symbol.asyncIterator]()
  const slots: Slot<Value>[] = []
  let reading = 'idle' as 'idle' | 'busy' | 'ended' // widened: it changes inside `read`, which narrowing does not see
  let failure: { error: unknown } | undefined
  // One waker instead of a race of promises: a race that is never lost keeps a reaction for every turn.
  let wake = () => {}

  const start = (item: Item) => {
    const slot: Slot<Value> = { state: 'running' }
    slots.push(slot)
    work(item, scope.signal)
      .then(
        (value) => Object.assign(slot, { state: 'done', value }),
        (error: unknown) => Object.assign(slot, { state: 'failed', error }),
      )
      .finally(() => wake())
  }
  const read = () => {
    reading = 'busy'
    iterator
      .next()
      .then(
        ({ done, value }) => {
          reading = done ? 'ended' : 'idle'
          if (!done) start(value)
        },
        (error: unknown) => {
          reading = 'ended'
          failure = { error }
        },
      )
      .finally(() => wake())
  }
  scope.signal.addEventListener('abort', () => wake(), { once: true })

  try {
    for (;;) {
      scope.signal.throwIfAborted()
      const [head] = slots
      if (head?.state === 'failed') throw head.error
      if (head?.state === 'done') {
        slots.shift()
        if (reading === 'idle') read() // so that work goes on while the reader is busy with this value
        yield head.value
      } else if (reading === 'idle' && slots.length < concurrency) {
        read()
      } else if (reading === 'ended' && head === undefined) {
        if (failure !== undefined) throw failure.error
        return
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    scope.abort()
    scope.end()
    const closed = iterator.return?.()
    // A source that is being read cannot be closed before it answers, which may be never.
    if (reading === 'busy') closed?.catch(() => {})
    else await closed
  }
}
