import { extname } from 'node:path'
import { encodeJson } from '../http/encode-json.js'
import { VECTOR_TO_WIRE } from '../http/vector-to-wire.js'
import { EXIT, UserError } from './exit.js'
import { toParquet } from './parquet-file.js'
import { openPart } from './part-file.js'
import type { VectorFile, VectorRow } from './vector-row.js'

export const VECTOR_FORMATS = ['jsonl', 'npy', 'parquet'] as const
export type VectorFormat = (typeof VECTOR_FORMATS)[number]
export type Encoding = 'float' | 'base64'

/** The format that a name stands for; JSON lines where it says nothing. */
export function formatOf(output = ''): VectorFormat {
  return VECTOR_FORMATS.find((format) => extname(output) === `.${format}`) ?? 'jsonl'
}

/** @throws {UserError} for a format that standard output cannot have. */
export function checkFormat({ format, output }: { format: VectorFormat; output?: string }): void {
  if (output !== undefined || format === 'jsonl') return
  throw new UserError(`${format} needs --output: it says how many rows there are.`, EXIT.usage)
}

/** @throws {UserError} when the output cannot be written. */
export async function openVectorFile(options: {
  format: VectorFormat
  encoding: Encoding
  output?: string
  /** What must be the same for a later run to go on; without it nothing is kept of a run that did not finish. */
  resumeKey?: string
}): Promise<VectorFile> {
  checkFormat(options)
  if (options.output === undefined) return toStandardOutput(options.encoding)
  const { format, output, encoding, resumeKey } = options
  if (format === 'parquet') return toParquet(output, resumeKey)
  return format === 'npy' ? toNpy(output, resumeKey) : toJsonLines(output, encoding, resumeKey)
}

function jsonLine({ index, dense, tokens }: VectorRow, encoding: Encoding): string {
  return `${encodeJson({ index, embedding: VECTOR_TO_WIRE[encoding](dense), tokens })}\n`
}

function toStandardOutput(encoding: Encoding): VectorFile {
  // `quiver embed … | head` has all it wants: end without a word, as programs do that obey SIGPIPE.
  process.stdout.once('error', () => process.kill(process.pid, 'SIGTERM'))
  return {
    linesDone: 0,
    async checkpoint() {},
    async suspend() {},
    async write(row) {
      const hasRoom = process.stdout.write(jsonLine(row, encoding))
      if (!hasRoom) await new Promise((resolve) => process.stdout.once('drain', resolve))
    },
    async finish() {},
    async discard() {},
  }
}

async function toJsonLines(path: string, encoding: Encoding, resumeKey: string | undefined): Promise<VectorFile> {
  const part = await openPart(path, resumeKey)
  return {
    ...part.file,
    write: (row) => part.append(Buffer.from(jsonLine(row, encoding))),
    finish: () => part.finish(),
  }
}

async function toNpy(path: string, resumeKey: string | undefined): Promise<VectorFile> {
  const part = await openPart(path, resumeKey)
  if (part.file.linesDone === 0) await part.append(npyHeader(0, 0))
  let rows = part.rows
  let columns = part.columns
  return {
    ...part.file,
    async write({ dense }) {
      rows++
      columns = dense.length
      const bytes = Buffer.alloc(dense.byteLength)
      dense.forEach((component, i) => void bytes.writeFloatLE(component, i * 4))
      await part.append(bytes)
    },
    checkpoint: (linesDone) => part.checkpoint({ linesDone, rows, columns }),
    async finish() {
      await part.overwrite(npyHeader(rows, columns))
      await part.finish()
    },
  }
}

/** Long enough for any shape, and a multiple of 64 as the format asks. */
const NPY_HEADER_BYTES = 128

/** NumPy's format 1.0: magic, version, header length, a Python dict padded with spaces, a newline. */
function npyHeader(rows: number, columns: number): Buffer {
  const header = Buffer.alloc(NPY_HEADER_BYTES, ' ')
  header.write('\x93NUMPY\x01\x00', 0, 'latin1')
  header.writeUInt16LE(NPY_HEADER_BYTES - 10, 8)
  header.write(`{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`, 10, 'latin1')
  header.write('\n', NPY_HEADER_BYTES - 1, 'latin1')
  return header
}
