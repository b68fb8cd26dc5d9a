/**
 * The demuxer of ffmpeg for these bytes, by their first bytes alone; undefined for everything that is not decoded.
 *
 * ffmpeg is told this name and may use no other. Left to guess, it also takes playlists (HLS, DASH, concat) for videos, and
 * a playlist names further files and URLs.
 */
export function videoDemuxerOf(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 400))
  const text = head.toString('latin1')
  // MP4 and MOV begin with a box: its length, then its kind. Old MOVs have no «ftyp».
  if (/^(ftyp|moov|mdat|wide|free|skip|pnot)$/.test(text.slice(4, 8))) return 'mov'
  if (text.startsWith('\x1a\x45\xdf\xa3')) return 'matroska' // WebM is one
  if (text.startsWith('RIFF') && text.startsWith('AVI ', 8)) return 'avi'
  if (text.startsWith('FLV\x01')) return 'flv'
  if (text.startsWith('\0\0\x01\xba')) return 'mpeg'
  if (text.startsWith('\0\0\x01\xb3')) return 'mpegvideo'
  // A transport stream is packets of 188 bytes that begin with G.
  if (head.length > 376 && [0, 188, 376].every((at) => head[at] === 0x47)) return 'mpegts'
  return undefined
}
