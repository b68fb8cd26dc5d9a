/**
 * A queue in which callers take turns, and each caller's requests among themselves: one item of each, then the next of
 * the first.
 *
 * A request's own items keep their order. With one request it is a plain queue; with many, a short request waits for one
 * item of each other request of its caller instead of for all of a long one, and a caller with a thousand requests takes
 * no more turns than one with a single request. Every operation but `remove` is O(1).
 */
export class FairQueue<Item> {
  /** Waiting callers in the order of their next turn; none is empty. */
  readonly #callers = new Map<string, Turns<Item>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  push({ caller, request }: Place, item: Item): void {
    const turns = this.#callers.get(caller) ?? new Turns<Item>()
    this.#callers.set(caller, turns)
    turns.push(request, item)
    this.#size++
  }

  /** Next item, or `undefined` from an empty queue; its caller and its request go to the end of their lines. */
  shift(): Item | undefined {
    const [next] = this.#callers
    if (next === undefined) return undefined
    const [caller, turns] = next
    const item = turns.shift()
    this.#callers.delete(caller)
    if (!turns.isEmpty) this.#callers.set(caller, turns)
    this.#size--
    return item
  }

  /**
   * Up to `most` waiting items with their places, roughly in the order of their turns: the first of each request, then
   * the second of each. Time O(most).
   */
  *ahead(most: number): Generator<[Place, Item]> {
    const lines: [Place, Item[]][] = []
    for (const [caller, turns] of this.#callers) {
      for (const [request, items] of turns) {
        if (lines.length < most) lines.push([{ caller, request }, items])
      }
      if (lines.length === most) break
    }
    let left = most
    for (let position = 0, found = true; found; position++) {
      found = false
      for (const [place, items] of lines) {
        if (position >= items.length) continue
        if (left-- === 0) return
        found = true
        yield [place, items[position] as Item] // position < length
      }
    }
  }

  /** Take an item out wherever it stands. @returns whether it was there. */
  remove({ caller, request }: Place, item: Item): boolean {
    const turns = this.#callers.get(caller)
    if (turns === undefined || !turns.remove(request, item)) return false
    if (turns.isEmpty) this.#callers.delete(caller)
    this.#size--
    return true
  }

  /** Take everything out, in the order of the turns. */
  drain(): Item[] {
    const drained: Item[] = []
    for (let item = this.shift(); item !== undefined; item = this.shift()) drained.push(item)
    return drained
  }
}

/** Where an item waits. */
export interface Place {
  /** Who asked. */
  caller: string
  /** What makes the items of one request belong together. */
  request: object
}

/** One caller's requests, in the order of their next turn; none is empty. */
class Turns<Item> {
  readonly #requests = new Map<object, Item[]>()

  get isEmpty(): boolean {
    return this.#requests.size === 0
  }

  push(request: object, item: Item): void {
    const items = this.#requests.get(request)
    if (items === undefined) this.#requests.set(request, [item])
    else items.push(item)
  }

  shift(): Item | undefined {
    const [next] = this.#requests
    if (next === undefined) return undefined
    const [request, items] = next
    const item = items.shift()
    this.#requests.delete(request)
    if (items.length > 0) this.#requests.set(request, items)
    return item
  }

  [Symbol.iterator](): MapIterator<[object, Item[]]> {
    return this.#requests[Symbol.iterator]()
  }

  remove(request: object, item: Item): boolean {
    const items = this.#requests.get(request)
    const index = items?.indexOf(item) ?? -1
    if (items === undefined || index === -1) return false
    items.splice(index, 1)
    if (items.length === 0) this.#requests.delete(request)
    return true
  }
}
