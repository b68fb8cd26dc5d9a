import { createHash } from 'node:crypto'

/**
 * The same subset on every machine: the `size` records with the smallest SHA-256 of their key, in the file's order.
 * All of them when `size` is undefined.
 */
export function sample<Row>(records: readonly Row[], size: number | undefined, keyOf: (record: Row) => string): Row[] {
  if (size === undefined || records.length <= size) return [...records]
  const hash = (record: Row) => createHash('sha256').update(keyOf(record)).digest('hex')
  const keyed = records.map((record, position) => ({ record, position, hash: hash(record) }))
  const chosen = keyed.sort((a, b) => (a.hash < b.hash ? -1 : 1)).slice(0, size)
  return chosen.sort((a, b) => a.position - b.position).map(({ record }) => record)
}
