import { sharedInts } from './shared-tables.js'

/** No such pair; also what marks a free slot. */
const NONE = -1

/** Slots of an open-addressing hash table (linear probing, at most half full), a column each. */
export interface PairTables {
  lefts: Int32Array
  rights: Int32Array
  ranks: Int32Array
  ids: Int32Array
}

/** Pairs of tokens that become one, by both; nothing is allocated while reading. */
export class PairTable {
  readonly tables: PairTables
  readonly #mask: number

  constructor(tables: PairTables) {
    this.tables = tables
    this.#mask = tables.lefts.length - 1
  }

  /** An empty table with room for so many pairs. */
  static of(pairs: number): PairTable {
    const slots = 2 ** Math.ceil(Math.log2(2 * (pairs + 1)))
    const [lefts, rights, ranks, ids] = [sharedInts(slots), sharedInts(slots), sharedInts(slots), sharedInts(slots)]
    return new PairTable({ lefts: lefts.fill(NONE), rights, ranks, ids })
  }

  /** Of equal pairs the first one, which is the more urgent, stays. */
  add(left: number, right: number, { rank, id }: { rank: number; id: number }): void {
    const slot = this.#slot(left, right)
    const { lefts, rights, ranks, ids } = this.tables
    if (lefts[slot] !== NONE) return
    lefts[slot] = left
    rights[slot] = right
    ranks[slot] = rank
    ids[slot] = id
  }

  /** The slot of a pair, for {@link rankAt} and {@link idAt}; -1 where the two stay apart. */
  find(left: number, right: number): number {
    const slot = this.#slot(left, right)
    return this.tables.lefts[slot] === NONE ? NONE : slot
  }

  /** How urgent: 0 is the most. */
  rankAt(slot: number): number {
    return this.tables.ranks[slot] as number // from `find`
  }

  /** What the two become. */
  idAt(slot: number): number {
    return this.tables.ids[slot] as number // from `find`
  }

  /** The pair's slot, or the free one where it would be. */
  #slot(left: number, right: number): number {
    const { lefts, rights } = this.tables
    let slot = ((Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 7) & this.#mask
    while (lefts[slot] !== NONE && (lefts[slot] !== left || rights[slot] !== right)) slot = (slot + 1) & this.#mask
    return slot
  }
}
