/**
 * Smaller forms of a vector: one byte, or one bit, a component.
 *
 * Bits are the signs, eight to a byte, the first component in the highest bit; the signed form is the unsigned one
 * minus 128. So do sentence-transformers (`util/quantization.py`, `quantize_embeddings`) and numpy's `packbits`. Compare
 * bits by Hamming distance, bytes by cosine.
 */

/**
 * Bytes are `round(127 · x · √d / RANGE)`, held within ±127, d being the dimension.
 *
 * A component of a unit vector has a root mean square of 1/√d, so one fixed range serves every vector of a dimension, and
 * products of bytes are comparable between vectors. Ranges measured on the data, as sentence-transformers takes them,
 * would make a vector depend on others. 12 holds every component that the built-in model was
 * seen to give, 11 at the most; `docs/api/cohere-and-jina.md` has the loss.
 */
const RANGE = 12

/** Float32Array[d] → Int8Array[d] in −127…127. */
export function toInt8(vector: Float32Array): Int8Array {
  const scale = (127 * Math.sqrt(vector.length)) / RANGE
  return Int8Array.from(vector, (component) => Math.max(-127, Math.min(127, Math.round(component * scale))))
}

/** As {@link toInt8}, plus 128: Float32Array[d] → Uint8Array[d] in 1…255. */
export function toUint8(vector: Float32Array): Uint8Array {
  return Uint8Array.from(toInt8(vector), (component) => component + 128)
}

/** Float32Array[d] → Uint8Array[⌈d/8⌉]; a component above 0 is a 1, spare bits of the last byte are 0. */
export function toUnsignedBits(vector: Float32Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(vector.length / 8))
  vector.forEach((component, i) => {
    if (component > 0) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (0x80 >> (i & 7))
  })
  return bytes
}

/** As {@link toUnsignedBits}, minus 128: Int8Array[⌈d/8⌉]. */
export function toSignedBits(vector: Float32Array): Int8Array {
  return Int8Array.from(toUnsignedBits(vector), (byte) => byte - 128)
}
