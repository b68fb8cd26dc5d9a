/** Picture formats that are decoded. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif' | 'bmp' | 'dib' | 'ico' | 'icns' | 'sgi'

/**
 * Which format the bytes are in, by their first bytes alone: names and content types say what the sender believes.
 *
 * SVG and PDF are not among them on purpose: both can fetch and compute. Neither are the still pictures of HEIC, whose
 * codec is patented and not in libvips' binaries.
 */
export function imageFormatOf(bytes: Uint8Array): ImageFormat | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 32))
  const text = head.toString('latin1')
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg'
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png'
  if (text.startsWith('RIFF') && text.startsWith('WEBP', 8)) return 'webp'
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'gif'
  if (/^(II[*+]\0|MM\0[*+])/.test(text)) return 'tiff'
  if (/^.{4}ftyp(avif|avis)/s.test(text) || /^.{4}ftypmif1.{4}.*avif/s.test(text)) return 'avif'
  if (text.startsWith('BM')) return 'bmp'
  if (text.startsWith('\0\0\x01\0') && head.length >= 6 && head.readUInt16LE(4) > 0) return 'ico'
  if (text.startsWith('icns')) return 'icns'
  if (text.startsWith('\x01\xda')) return 'sgi'
  // A bare DIB begins with the length of its header, then width, height, 1 plane: enough to tell it from other things.
  if (head.length >= 16 && head.readUInt32LE(0) === 40 && head.readUInt16LE(12) === 1) return 'dib'
  return undefined
}
