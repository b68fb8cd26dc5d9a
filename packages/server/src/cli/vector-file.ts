import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
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
  /** Lines of the input that an earlier run of the same command has written. */
  readonly linesDone: number
  write(row: VectorRow): Promise<void>
  /** Everything of these many lines is written, and outlives a crash. */
  checkpoint(linesDone: number): Promise<void>
  /** Stop, and leave what a later run can go on from. */
  suspend(): Promise<void>
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
  /** What must be the same for a later run to go on; without it nothing is kept of a run that did not finish. */
  resumeKey?: string
}): Promise<VectorFile> {
  if (options.output === undefined) {
    if (options.format === 'npy')
      throw new UserError('npy needs --output: its header says how many rows follow.', EXIT.usage)
    return toStandardOutput(options.encoding)
  }
  const { format, output, encoding, resumeKey } = options
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
    finish: part.finish,
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

/** How far a file is: what lies behind `bytes` was written after this was noted. */
interface Checkpoint {
  resumeKey: string
  linesDone: number
  bytes: number
  rows: number
  columns: number
}

/** A file beside the wanted one, which takes its name when it is complete and on the disk. */
async function openPart(path: string, resumeKey: string | undefined) {
  const temporary = `${path}.part`
  const notes = `${temporary}.json`
  const earlier = resumeKey === undefined ? undefined : await readCheckpoint(notes, { resumeKey, temporary })
  const file = await open(temporary, earlier === undefined ? 'w' : 'r+').catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`${path} cannot be written (${error.code ?? error.message}).`)
  })
  const { linesDone = 0, rows = 0, columns = 0 } = earlier ?? {}
  let bytes = earlier?.bytes ?? 0
  await file.truncate(bytes)
  const checkpoint = async (done: Pick<Checkpoint, 'linesDone' | 'rows' | 'columns'>) => {
    if (resumeKey === undefined) return
    await file.sync()
    const next = `${notes}.new`
    await writeFile(next, JSON.stringify({ resumeKey, bytes, ...done } satisfies Checkpoint))
    await rename(next, notes)
  }
  const close = async () => {
    await file.close().catch(() => {}) // already closed when finishing failed
  }
  return {
    rows,
    columns,
    checkpoint,
    async append(data: Buffer) {
      await file.write(data, 0, data.length, bytes)
      bytes += data.length
    },
    overwrite: async (head: Buffer) => void (await file.write(head, 0, head.length, 0)),
    async finish() {
      await file.sync()
      await file.close()
      await rename(temporary, path)
      await rm(notes, { force: true })
    },
    /** What both kinds of file do alike. */
    file: {
      linesDone,
      checkpoint: (done: number) => checkpoint({ linesDone: done, rows, columns }),
      suspend: close,
      async discard() {
        await close()
        await rm(temporary, { force: true })
        await rm(notes, { force: true })
      },
    },
  }
}

/** What an earlier run of the same command left, if it can be gone on from. */
async function readCheckpoint(
  notes: string,
  { resumeKey, temporary }: { resumeKey: string; temporary: string },
): Promise<Checkpoint | undefined> {
  try {
    const checkpoint = JSON.parse(await readFile(notes, 'utf8')) as Checkpoint // written by openPart only
    const { size } = await stat(temporary)
    return checkpoint.resumeKey === resumeKey && size >= checkpoint.bytes ? checkpoint : undefined
  } catch {
    return undefined // there is none, or half of one
  }
}
