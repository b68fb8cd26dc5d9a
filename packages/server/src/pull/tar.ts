import type { FileHandle } from 'node:fs/promises'
import { PullError } from './pull-error.js'

/**
 * Tar as POSIX.1-1988 (ustar) has it: for each file a header of 512 bytes, then its content filled up to a multiple of that;
 * two empty blocks at the end. Lengths from 8 GiB on, which ustar's eleven octal digits can't hold, are big-endian binary
 * with the first bit set, as GNU tar and all others have it.
 *
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */
const BLOCK = 512
const MAX_OCTAL = 8 ** 11

/** A file in an archive. Its content has to be read to the end before the next entry is asked for. */
export interface TarEntry {
  path: string
  bytes: number
  content: AsyncIterable<Buffer>
}

/** @throws {PullError} for a path that does not fit: 100 bytes behind the last `/` that leaves at most 155 before it. */
export function tarHeader(path: string, bytes: number, at: Date): Buffer {
  const header = Buffer.alloc(BLOCK)
  const { name, prefix } = splitPath(path)
  header.write(name, 0, 100)
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  if (bytes < MAX_OCTAL) {
    header.write(`${octal(bytes, 11)}\0`, 124)
  } else {
    header[124] = 0x80
    header.writeBigUInt64BE(BigInt(bytes), 128)
  }
  header.write(`${octal(Math.floor(at.getTime() / 1000), 11)}\0`, 136)
  header.write('0', 156)
  header.write('ustar\x0000', 257, 'latin1')
  header.write(prefix, 345, 155)
  header.write(`${octal(checksum(header), 6)}\0 `, 148)
  return header
}

/** What fills a file's content up to a whole block. */
export function tarPadding(bytes: number): Buffer {
  return Buffer.alloc((BLOCK - (bytes % BLOCK)) % BLOCK)
}

export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK)
}

/** What is wrong with an archive, to be said behind its name. */
export class TarError extends Error {}

/**
 * Read an archive forward. Folders are passed over; anything but a plain file (a link, a device, an extension) is refused.
 *
 * @throws {TarError} when it is damaged, or is no tar.
 */
export async function* readTar(handle: FileHandle, signal: AbortSignal): AsyncGenerator<TarEntry, void> {
  let position = 0
  for (;;) {
    signal.throwIfAborted()
    const header = Buffer.alloc(BLOCK)
    const { bytesRead } = await handle.read(header, 0, BLOCK, position)
    if (bytesRead < BLOCK) throw new TarError('breaks off.')
    if (header.every((byte) => byte === 0)) return
    const { path, bytes, type } = parseHeader(header)
    if (type !== '5') yield { path, bytes, content: contentOf(handle, position + BLOCK, bytes) }
    position += BLOCK + Math.ceil(bytes / BLOCK) * BLOCK
  }
}

function parseHeader(header: Buffer): { path: string; bytes: number; type: string } {
  const said = Number.parseInt(text(header, 148, 8), 8)
  if (checksum(header) !== said) throw new TarError('is damaged, or is no tar file.')
  const prefix = text(header, 345, 155)
  const name = text(header, 0, 100)
  const path = prefix === '' ? name : `${prefix}/${name}`
  const type = text(header, 156, 1)
  if (!['', '0', '5'].includes(type)) {
    throw new TarError(`has ${JSON.stringify(path)}, which is no plain file (kind ${type}). Refused.`)
  }
  return { path, bytes: type === '5' ? 0 : lengthIn(header), type }
}

function lengthIn(header: Buffer): number {
  const isBinary = ((header[124] ?? 0) & 0x80) !== 0
  const bytes = isBinary ? Number(header.readBigUInt64BE(128)) : Number.parseInt(text(header, 124, 12), 8)
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes
  throw new TarError('is damaged: a length is none.')
}

async function* contentOf(handle: FileHandle, start: number, bytes: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < bytes; ) {
    const chunk = Buffer.alloc(Math.min(1 << 20, bytes - done))
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, start + done)
    if (bytesRead === 0) throw new TarError('breaks off.')
    done += bytesRead
    yield chunk.subarray(0, bytesRead)
  }
}

function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' }
  const parts = path.split('/')
  for (let i = 1; i < parts.length; i++) {
    const prefix = parts.slice(0, i).join('/')
    const name = parts.slice(i).join('/')
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return { name, prefix }
  }
  throw new PullError(`${path}: is too long a path for a tar archive.`)
}

function octal(number: number, digits: number): string {
  return number.toString(8).padStart(digits, '0')
}

/** Sum of the header's bytes, its own eight taken as spaces. */
function checksum(header: Buffer): number {
  let sum = 0
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 32 : byte
  return sum
}

/** Up to the first NUL or the field's end. */
function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? length : end).trim()
}
