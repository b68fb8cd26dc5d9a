import { endianness } from 'node:os'
import type { VectorFormat, VectorToWire } from '@quiver/protocol'
import { toInt8, toSignedBits, toUint8, toUnsignedBits } from '../vector/quantize.js'

/** How an answer holds a vector in each format; `encodeJson` writes the digits of floats, and bytes as base64. */
export const VECTOR_TO_WIRE: Readonly<Record<VectorFormat, VectorToWire>> = {
  float: (vector) => vector,
  base64: toBytes,
  int8: (vector) => Array.from(toInt8(vector)),
  uint8: (vector) => Array.from(toUint8(vector)),
  binary: (vector) => Array.from(toSignedBits(vector)),
  ubinary: (vector) => Array.from(toUnsignedBits(vector)),
}

/** A vector's little-endian float32 bytes. A view where the machine is little-endian; no copy. */
function toBytes(vector: Float32Array): Uint8Array {
  const bytes = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)
  return endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32()
}
