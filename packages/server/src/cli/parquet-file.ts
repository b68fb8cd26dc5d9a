import { open } from 'node:fs/promises'
import { openPart } from './part-file.js'
import type { VectorFile } from './vector-row.js'

/** Rows of one row group: 4 MB of vectors of 1,024 components. */
const GROUP_ROWS = 1000
const INDEX_BYTES = 8
const TOKENS_BYTES = 4

/**
 * Parquet: `index` (int64), `embedding` (a list of float32), `tokens` (int32), as pandas, DuckDB and Spark read them.
 *
 * Parquet's own end says where everything is, so half of one is of no use: until the last vector is there, rows lie in the
 * part file as bare numbers, where a later run can go on; then they are written anew. The vectors are neither compressed
 * nor counted: they do not shrink, and nobody asks for their least component.
 */
export async function toParquet(path: string, resumeKey: string | undefined): Promise<VectorFile> {
  const part = await openPart(path, resumeKey)
  let { rows, columns } = part
  return {
    ...part.file,
    async write({ index, dense, tokens }) {
      rows++
      columns = dense.length
      const bytes = Buffer.alloc(INDEX_BYTES + TOKENS_BYTES + dense.length * 4)
      bytes.writeBigInt64LE(BigInt(index), 0)
      bytes.writeInt32LE(tokens, INDEX_BYTES)
      dense.forEach((component, i) => void bytes.writeFloatLE(component, INDEX_BYTES + TOKENS_BYTES + i * 4))
      await part.append(bytes)
    },
    checkpoint: (linesDone) => part.checkpoint({ linesDone, rows, columns }),
    async finish() {
      const whole = `${part.temporary}.parquet`
      await writeParquet(whole, groupsOf(part.read, { rows, columns }))
      await part.finish(whole)
    },
  }
}

interface Group {
  index: BigInt64Array
  embedding: number[][]
  tokens: Int32Array
}

async function writeParquet(path: string, groups: AsyncIterable<Group>): Promise<void> {
  const { fileWriter, ParquetWriter } = await import('hyparquet-writer')
  const required = { repetition_type: 'REQUIRED' } as const
  const writer = fileWriter(path)
  const parquet = new ParquetWriter({
    writer,
    codec: 'UNCOMPRESSED',
    statistics: false,
    createdBy: 'quiver',
    schema: [
      { name: 'root', num_children: 3 },
      { name: 'index', type: 'INT64', ...required },
      { name: 'embedding', converted_type: 'LIST', num_children: 1, ...required },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type: 'FLOAT', ...required },
      { name: 'tokens', type: 'INT32', ...required },
    ],
  })
  for await (const { index, embedding, tokens } of groups) {
    const columnData = [
      { name: 'index', data: index },
      { name: 'embedding', data: embedding, encoding: 'PLAIN' as const },
      { name: 'tokens', data: tokens },
    ]
    await parquet.write({ columnData, rowGroupSize: GROUP_ROWS })
  }
  await parquet.finish()
  const file = await open(path, 'r')
  await file.sync().finally(() => file.close())
}

async function* groupsOf(
  read: (at: number, length: number) => Promise<Buffer>,
  { rows, columns }: { rows: number; columns: number },
): AsyncGenerator<Group> {
  const rowBytes = INDEX_BYTES + TOKENS_BYTES + columns * 4
  for (let first = 0; first < rows; first += GROUP_ROWS) {
    const count = Math.min(GROUP_ROWS, rows - first)
    const bytes = await read(first * rowBytes, count * rowBytes)
    const starts = Array.from({ length: count }, (_, i) => i * rowBytes)
    yield {
      index: BigInt64Array.from(starts, (start) => bytes.readBigInt64LE(start)),
      tokens: Int32Array.from(starts, (start) => bytes.readInt32LE(start + INDEX_BYTES)),
      embedding: starts.map((start) =>
        Array.from({ length: columns }, (_, i) => bytes.readFloatLE(start + INDEX_BYTES + TOKENS_BYTES + i * 4)),
      ),
    }
  }
}
