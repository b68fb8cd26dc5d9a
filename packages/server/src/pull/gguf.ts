/**
 * The metadata of a GGUF file: what its converter says of the model, before the weights.
 *
 * Whoever wrote the file chose every length in it, so each is held against a bound before a byte of it is read, and
 * nothing is reserved that the file does not have. Time and memory are those of the header: some 10 MB for 150,000 tokens.
 *
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { type FileHandle, open } from 'node:fs/promises'

/** Not a GGUF file, or one whose header breaks off or contradicts itself; the message says where. */
export class GgufError extends Error {
  override readonly name = 'GgufError'
}

export type GgufScalar = string | number | bigint | boolean
export type GgufValue = GgufScalar | readonly GgufScalar[]

/** Metadata by key: `qwen3.embedding_length` → 1024. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>

/** Sound files have dozens of keys, vocabularies of 300,000 tokens, and headers of 30 MB. */
const MAX_HEADER_BYTES = 512 * 2 ** 20
const MAX_KEYS = 10_000
const MAX_KEY_BYTES = 65_535
const MAX_ARRAY_LENGTH = 10_000_000
const BLOCK_BYTES = 2 ** 20

/** Types of values, by their number in the file: bytes, and how they are read. */
const SCALARS: Readonly<Record<number, readonly [number, (bytes: Buffer) => GgufScalar]>> = {
  0: [1, (bytes) => bytes.readUInt8()],
  1: [1, (bytes) => bytes.readInt8()],
  2: [2, (bytes) => bytes.readUInt16LE()],
  3: [2, (bytes) => bytes.readInt16LE()],
  4: [4, (bytes) => bytes.readUInt32LE()],
  5: [4, (bytes) => bytes.readInt32LE()],
  6: [4, (bytes) => bytes.readFloatLE()],
  7: [1, (bytes) => bytes.readUInt8() !== 0],
  10: [8, (bytes) => bytes.readBigUInt64LE()],
  11: [8, (bytes) => bytes.readBigInt64LE()],
  12: [8, (bytes) => bytes.readDoubleLE()],
}
const [STRING, ARRAY] = [8, 9]

export interface ReadGgufOptions {
  /** Keys whose lists are wanted; others are passed over, because vocabularies are large. */
  arrays?: ReadonlySet<string>
  /** Asked after each key; true ends the reading. Default: all is read. */
  isEnough?: (metadata: GgufMetadata) => boolean
}

/**
 * Read the metadata of a GGUF file of version 2 or 3.
 *
 * @throws {GgufError} for a file that is none, and for one that the system cannot read.
 */
export async function readGguf(path: string, { arrays, isEnough }: ReadGgufOptions = {}): Promise<GgufMetadata> {
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new GgufError(`the file cannot be read (${error.code ?? error.message}).`)
  })
  try {
    const reader = new HeaderReader(handle)
    const magic = (await reader.take(4)).toString('latin1')
    if (magic !== 'GGUF') throw new GgufError('it is no GGUF file: it does not begin with «GGUF».')
    const version = (await reader.take(4)).readUInt32LE()
    if (version !== 2 && version !== 3) throw new GgufError(`its GGUF version is ${version}; 2 and 3 can be read.`)
    await reader.take(8) // number of tensors
    const keys = await reader.length(MAX_KEYS, 'keys')
    const metadata = new Map<string, GgufValue>()
    for (let i = 0; i < keys && isEnough?.(metadata) !== true; i++) {
      const key = (await reader.take(await reader.length(MAX_KEY_BYTES, 'bytes of a key'))).toString('utf8')
      if (metadata.has(key)) throw new GgufError(`it has the key ${key} twice.`)
      const value = await readValue(reader, arrays?.has(key) === true)
      if (value !== undefined) metadata.set(key, value)
    }
    return metadata
  } finally {
    await handle.close()
  }
}

async function readValue(reader: HeaderReader, isArrayWanted: boolean): Promise<GgufValue | undefined> {
  const type = (await reader.take(4)).readUInt32LE()
  if (type !== ARRAY) return readScalar(reader, type)
  const item = (await reader.take(4)).readUInt32LE()
  const length = await reader.length(MAX_ARRAY_LENGTH, 'items of a list')
  if (isArrayWanted) {
    const values: GgufScalar[] = []
    for (let i = 0; i < length; i++) values.push(await readScalar(reader, item))
    return values
  }
  if (item === STRING) for (let i = 0; i < length; i++) await reader.skip(await reader.stringLength())
  else await reader.skip(length * scalarOf(item)[0])
  return undefined
}

async function readScalar(reader: HeaderReader, type: number): Promise<GgufScalar> {
  if (type === STRING) return (await reader.take(await reader.stringLength())).toString('utf8')
  const [bytes, read] = scalarOf(type)
  return read(await reader.take(bytes))
}

function scalarOf(type: number): readonly [number, (bytes: Buffer) => GgufScalar] {
  const scalar = SCALARS[type]
  if (scalar === undefined) throw new GgufError(`its header has a value of the unknown type ${type}.`)
  return scalar
}

/** Reads forward through a file, a block at a time. */
class HeaderReader {
  readonly #handle: FileHandle
  #block = Buffer.alloc(0)
  /** Where in the file the block begins, and where in the block the next byte is. */
  #offset = 0
  #at = 0

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** The next bytes; valid until the next call. */
  async take(bytes: number): Promise<Buffer> {
    if (this.#at + bytes > this.#block.length) await this.#load(bytes)
    this.#at += bytes
    return this.#block.subarray(this.#at - bytes, this.#at)
  }

  async length(most: number, what: string): Promise<number> {
    const length = (await this.take(8)).readBigUInt64LE()
    if (length > BigInt(most)) throw new GgufError(`its header speaks of ${length} ${what}; at most ${most} are read.`)
    return Number(length)
  }

  stringLength(): Promise<number> {
    return this.length(MAX_HEADER_BYTES, 'bytes of a text')
  }

  async skip(bytes: number): Promise<void> {
    if (this.#offset + this.#at + bytes > MAX_HEADER_BYTES) throw tooLarge()
    this.#at += bytes
  }

  async #load(bytes: number): Promise<void> {
    this.#offset += this.#at
    this.#at = 0
    if (this.#offset + bytes > MAX_HEADER_BYTES) throw tooLarge()
    const { size } = await this.#handle.stat()
    if (this.#offset + bytes > size) throw new GgufError('its header breaks off.')
    const block = Buffer.alloc(Math.max(bytes, BLOCK_BYTES))
    const { bytesRead } = await this.#handle.read(block, 0, block.length, this.#offset)
    if (bytesRead < bytes) throw new GgufError('its header breaks off.')
    this.#block = block.subarray(0, bytesRead)
  }
}

function tooLarge(): GgufError {
  return new GgufError(`its header has more than ${MAX_HEADER_BYTES / 2 ** 20} MiB.`)
}
