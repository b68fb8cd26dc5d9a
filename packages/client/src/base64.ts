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
