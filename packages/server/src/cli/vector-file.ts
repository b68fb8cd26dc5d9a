import { open, rename, rm } from 'node:fs/promises'
import { encodeJson } from '../http/encode-json.js'
import { VECTOR_TO_WIRE } from '../http/vector-to-wire.js'
import { EXIT, UserError } from './exit.js'

export type VectorFormat = 'jsonl' | 'npy'
export type Encoding = 'float' | 'base64'

/** A dense vector and what it belongs to. */
export interface VectorRow {
  index: number
  /** Float32Array[dimension] */
  dense: Float32Array
  tokens: number
}

/** Where vectors are written, in order. */
export interface VectorFile {
  write(row: VectorRow): Promise<void>
  /** The file appears under its name. */
  finish(): Promise<void>
  /** Nothing is left behind. */
  discard(): Promise<void>
}

/** @throws {UserError} when the output cannot be written. */
export async function openVectorFile(options: {
  format: VectorFormat
  encoding: Encoding
  output?: string
}): Promise<VectorFile> {
  if (options.output === undefined) {
    if (options.format === 'npy')
      throw new UserError('npy needs --output: its header says how many rows follow.', EXIT.usage)
    return toStandardOutput(options.encoding)
  }
  return options.format === 'npy' ? toNpy(options.output) : toJsonLines(options.output, options.encoding)
}

function jsonLine({ index, dense, tokens }: VectorRow, encoding: Encoding): string {
  return `${encodeJson({ index, embedding: VECTOR_TO_WIRE[encoding](dense), tokens })}\n`
}

function toStandardOutput(encoding: Encoding): VectorFile {
  // `quiver embed … | head` has all it wants: end without a word, as programs do that obey SIGPIPE.
  process.stdout.once('error', () => process.kill(process.pid, 'SIGTERM'))
  return {
    async write(row) {
      const hasRoom = process.stdout.write(jsonLine(row, encoding))
      if (!hasRoom) await new Promise((resolve) => process.stdout.once('drain', resolve))
    },
    async finish() {},
    async discard() {},
  }
}

async function toJsonLines(path: string, encoding: Encoding): Promise<VectorFile> {
  const part = await openPart(path)
  return {
    write: async (row) => void (await part.file.write(jsonLine(row, encoding))),
    finish: part.finish,
    discard: part.discard,
  }
}

async function toNpy(path: string): Promise<VectorFile> {
  const part = await openPart(path)
  let rows = 0
  let columns = 0
  await part.file.write(npyHeader(0, 0))
  return {
    async write({ dense }) {
      rows++
      columns = dense.length
      const bytes = Buffer.alloc(dense.byteLength)
      dense.forEach((component, i) => void bytes.writeFloatLE(component, i * 4))
      await part.file.write(bytes)
    },
    async finish() {
      await part.file.write(npyHeader(rows, columns), 0, NPY_HEADER_BYTES, 0)
      await part.finish()
    },
    discard: part.discard,
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

/** A file beside the wanted one, which takes its name when it is complete and on the disk. */
async function openPart(path: string) {
  const temporary = `${path}.part`
  const file = await open(temporary, 'w').catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`${path} cannot be written (${error.code ?? error.message}).`)
  })
  return {
    file,
    async finish() {
      await file.sync()
      await file.close()
      await rename(temporary, path)
    },
    async discard() {
      await file.close().catch(() => {}) // already closed when finishing failed
      await rm(temporary, { force: true })
    },
  }
}
