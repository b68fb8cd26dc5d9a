import { endianness } from 'node:os'

/** JSON numbers that read back as exactly the same float32 values. */
export function toFloats(vector: Float32Array): number[] {
  return Array.from(vector)
}

/** Standard base64 of the little-endian float32 bytes, the default wire format of the OpenAI SDKs. */
export function toBase64(vector: Float32Array): string {
  const bytes = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)
  if (endianness() === 'LE') return bytes.toString('base64')
  return Buffer.from(bytes).swap32().toString('base64')
}
