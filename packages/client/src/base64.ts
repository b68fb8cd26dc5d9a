const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Base64 of little-endian float32 → Float32Array with the same bits, on machines of either byte order. */
export function fromBase64(text: string): Float32Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  if (isLittleEndian) return new Float32Array(bytes.buffer)
  const view = new DataView(bytes.buffer)
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(i * 4, true))
}

/** Characters that `String.fromCharCode` takes as arguments at once without running out of stack. */
const CHUNK = 0x8000

/** Bytes → standard base64. */
export function toBase64(bytes: Uint8Array): string {
  const parts: string[] = []
  for (let at = 0; at < bytes.length; at += CHUNK) parts.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK)))
  return btoa(parts.join(''))
}
