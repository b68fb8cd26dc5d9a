import { inflateRawSync } from 'node:zlib'

const END_OF_DIRECTORY = Buffer.from([0x50, 0x4b, 0x05, 0x06])
const DIRECTORY_ENTRY = 0x02014b50
const STORED = 0
const DEFLATED = 8

export interface ZipEntry {
  name: string
  isStored: boolean
  /** @throws {RangeError} when it is cut off or compressed in another way. */
  read(): Buffer
}

/**
 * The entries of a zip file, by its directory.
 *
 * @throws {RangeError} for bytes that are none. Files of 4 GiB and more are not read.
 * @see APPNOTE.TXT, PKWARE Inc., version 6.3
 */
export function readZip(file: Buffer): ZipEntry[] {
  const end = file.lastIndexOf(END_OF_DIRECTORY)
  if (end === -1 || file.length < end + 22) throw new RangeError('is no zip file')
  let place = file.readUInt32LE(end + 16)
  return Array.from({ length: file.readUInt16LE(end + 10) }, () => {
    if (place + 46 > file.length || file.readUInt32LE(place) !== DIRECTORY_ENTRY)
      throw new RangeError('has a broken directory')
    const at = (offset: number) => file.readUInt16LE(place + offset)
    const name = file.toString('utf8', place + 46, place + 46 + at(28))
    const method = at(10)
    const [packed, size, local] = [20, 24, 42].map((offset) => file.readUInt32LE(place + offset)) as [
      number,
      number,
      number,
    ]
    place += 46 + at(28) + at(30) + at(32)
    return { name, isStored: method === STORED, read: () => unpack(file, { name, method, packed, size, local }) }
  })
}

function unpack(
  file: Buffer,
  { name, method, packed, size, local }: { name: string; method: number; packed: number; size: number; local: number },
): Buffer {
  if (local + 30 > file.length) throw new RangeError(`${name} is cut off`)
  const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28)
  const bytes = file.subarray(start, start + packed)
  if (bytes.length < packed) throw new RangeError(`${name} is cut off`)
  if (method === STORED) return bytes
  if (method !== DEFLATED) throw new RangeError(`${name} is compressed by method ${method}, which is not read`)
  return inflateRawSync(bytes, { maxOutputLength: Math.max(size, 1) })
}
