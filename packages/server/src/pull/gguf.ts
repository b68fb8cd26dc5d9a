import type { FileHandle } from 'node:fs/promises'
import { PullError } from './pull-error.js'

/** Bytes of a value of each fixed-size type of GGUF's metadata. */
const SIZES: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 }
const [UINT32, STRING, ARRAY, UINT64] = [4, 8, 9, 10]
/** Longest key, and most keys, that a sound file has. */
const MAX_KEY_BYTES = 65_535
const MAX_KEYS = 10_000
const MAX_ARRAY_LENGTH = 10_000_000

/**
 * The unsigned whole numbers among a GGUF file's metadata: `qwen3.embedding_length` and the like.
 *
 * @throws {PullError} when it is no GGUF file of version 2 or 3, or its header breaks off.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export async function readGgufNumbers(handle: FileHandle): Promise<Map<string, number>> {
  const reader = new HeaderReader(handle)
  const magic = (await reader.take(4)).toString('latin1')
  const version = (await reader.take(4)).readUInt32LE()
  if (magic !== 'GGUF' || (version !== 2 && version !== 3)) throw new PullError('its weights are no GGUF file.')
  await reader.take(8) // number of tensors
  const keys = await reader.length(MAX_KEYS)
  const numbers = new Map<string, number>()
  for (let i = 0; i < keys; i++) {
    const key = (await reader.take(await reader.length(MAX_KEY_BYTES))).toString('utf8')
    const type = (await reader.take(4)).readUInt32LE()
    if (type === UINT32) numbers.set(key, (await reader.take(4)).readUInt32LE())
    else if (type === UINT64) numbers.set(key, Number((await reader.take(8)).readBigUInt64LE()))
    else await skip(reader, type)
  }
  return numbers
}

async function skip(reader: HeaderReader, type: number): Promise<void> {
  if (type === STRING) return reader.skip(await reader.length(Number.MAX_SAFE_INTEGER))
  if (type !== ARRAY) return reader.skip(sizeOf(type))
  const item = (await reader.take(4)).readUInt32LE()
  const length = await reader.length(MAX_ARRAY_LENGTH)
  if (item !== STRING) return reader.skip(length * sizeOf(item))
  for (let i = 0; i < length; i++) reader.skip(await reader.length(Number.MAX_SAFE_INTEGER))
}

function sizeOf(type: number): number {
  const size = SIZES[type]
  if (size === undefined) throw new PullError(`its GGUF header has a value of the unknown type ${type}.`)
  return size
}

/** Reads forward through a file, a block at a time. */
class HeaderReader {
  #block = Buffer.alloc(0)
  /** Where in the file the block begins, and where in the block the next byte is. */
  #offset = 0
  #at = 0

  constructor(readonly handle: FileHandle) {}

  async take(bytes: number): Promise<Buffer> {
    if (this.#at + bytes > this.#block.length) await this.#load(bytes)
    this.#at += bytes
    return this.#block.subarray(this.#at - bytes, this.#at)
  }

  async length(most: number): Promise<number> {
    const length = Number((await this.take(8)).readBigUInt64LE())
    if (length > most) throw new PullError(`its GGUF header names a length of ${length}.`)
    return length
  }

  skip(bytes: number): void {
    this.#at += bytes
  }

  async #load(bytes: number): Promise<void> {
    this.#offset += this.#at
    this.#at = 0
    const block = Buffer.alloc(Math.max(bytes, 1 << 20))
    const { bytesRead } = await this.handle.read(block, 0, block.length, this.#offset)
    if (bytesRead < bytes) throw new PullError('its GGUF header breaks off.')
    this.#block = block.subarray(0, bytesRead)
  }
}
