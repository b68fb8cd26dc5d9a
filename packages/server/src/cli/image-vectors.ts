import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ApiError } from '@quiver/protocol'
import { mapBounded } from '../embedding/map-bounded.js'
import { hashOf, type ImageFile } from './image-folder.js'
import { KeptLines } from './kept-lines.js'

/** A picture with its vector, Float32Array[dimension] of unit length. */
export interface SeenImage {
  file: ImageFile
  vector: Float32Array
}

export interface LookOptions {
  /** Where vectors are kept. */
  home: string
  /** Of the vectors that `embed` makes: kept ones of another are of no use. */
  space: string
  dimension: number
  /** @throws {ApiError} for what is no picture. */
  embed: (image: Uint8Array, signal: AbortSignal) => Promise<Float32Array>
  /** Called after each picture. */
  onSeen: () => void
  signal: AbortSignal
}

/** Pictures on the way at once: enough that none waits for the disk. */
const IN_FLIGHT = 8
const FLOAT_BYTES = 4
const HASH = /^[0-9a-f]{64}$/

/**
 * Vectors of pictures, each computed once: kept by the hash of their bytes and the vector space, whatever the file is called
 * and wherever it lies. A file that has not changed since (its path, size and time) is not even read.
 *
 * What was computed before an interruption is kept.
 * @returns the pictures that could be read, in their order, and the others with the reason.
 */
export async function lookAtImages(
  files: readonly ImageFile[],
  { home, space, dimension, embed, onSeen, signal }: LookOptions,
): Promise<{ seen: SeenImage[]; unreadable: { path: string; reason: string }[] }> {
  const folder = join(home, 'image-vectors')
  const hashes = await KeptLines.open(join(folder, 'hashes'), (value) => HASH.test(value))
  const vectors = await KeptLines.open(join(folder, space), (value) => toVector(value).length === dimension)
  const unreadable: { path: string; reason: string }[] = []
  const lookAt = async (file: ImageFile, workSignal: AbortSignal): Promise<SeenImage | undefined> => {
    try {
      const key = stateKeyOf(file)
      const hash = hashes.get(key) ?? (await hashOf(file.path, workSignal))
      if (hashes.get(key) === undefined) await hashes.set(key, hash)
      const kept = vectors.get(hash)
      if (kept !== undefined) return { file, vector: toVector(kept) }
      const vector = await embed(await readFile(file.path, { signal: workSignal }), workSignal)
      await vectors.set(hash, toText(vector))
      return { file, vector }
    } catch (error) {
      workSignal.throwIfAborted()
      const reason = reasonOf(error)
      if (reason === undefined) throw error
      unreadable.push({ path: file.path, reason })
      return undefined
    } finally {
      onSeen()
    }
  }
  try {
    const looks = await mapBounded(files, lookAt, { limit: IN_FLIGHT, signal })
    return { seen: looks.filter((look) => look !== undefined), unreadable }
  } finally {
    await Promise.all([hashes.close(), vectors.close()])
  }
}

/** What is wrong with one file and no fault of the others. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof ApiError && error.row === 'invalid_media') return error.message
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return ['EACCES', 'EPERM', 'ENOENT', 'EISDIR', 'EIO'].includes(code) ? `it cannot be read (${code})` : undefined
}

function stateKeyOf({ path, bytes, modifiedMs }: ImageFile): string {
  return createHash('sha256').update(`${path}\n${bytes}\n${modifiedMs}`).digest('hex')
}

function toText(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
}

function toVector(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64')
  const vector = new Float32Array(Math.floor(bytes.length / FLOAT_BYTES))
  for (let i = 0; i < vector.length; i++) vector[i] = bytes.readFloatLE(i * FLOAT_BYTES)
  return vector
}
