import { endianness } from 'node:os'

/** A vector that the answer holds as JSON numbers; `encodeJson` writes their digits. */
export function toFloats(vector: Float32Array): Float32Array {
  return vector
}

/**
 * A vector that the answer holds as base64, the default wire format of the OpenAI SDKs: its little-endian float32 bytes,
 * which `encodeJson` writes as base64. A view where the machine is little-endian; no copy.
 */
export function toBase64(vector: Float32Array): Uint8Array {
  const bytes = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)
  return endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32()
}
