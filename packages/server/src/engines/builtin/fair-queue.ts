/**
 * A queue in which groups take turns: one item of each waiting group, then the next of the first.
 *
 * A group's own items keep their order. With one group it is a plain queue; with many, a short request waits for one
 * item of each other request instead of for all of a long one. Every operation but `remove` is O(1).
 */
export class FairQueue<Item> {
  /** Waiting groups in the order of their next turn; none is empty. */
  readonly #groups = new Map<object, Item[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  push(group: object, item: Item): void {
    const items = this.#groups.get(group)
    if (items === undefined) this.#groups.set(group, [item])
    else items.push(item)
    this.#size++
  }

  /** Next item, or `undefined` from an empty queue; its group goes to the end of the line. */
  shift(): Item | undefined {
    const [next] = this.#groups
    if (next === undefined) return undefined
    const [group, items] = next
    const item = items.shift()
    this.#groups.delete(group)
    if (items.length > 0) this.#groups.set(group, items)
    this.#size--
    return item
  }

  /** Take an item out wherever it stands. @returns whether it was there. */
  remove(group: object, item: Item): boolean {
    const items = this.#groups.get(group)
    const index = items?.indexOf(item) ?? -1
    if (items === undefined || index === -1) return false
    items.splice(index, 1)
    if (items.length === 0) this.#groups.delete(group)
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
