/**
 * How a vector travels. `float`: JSON numbers; `base64`: little-endian float32; `int8`, `uint8`: a byte a component;
 * `binary`, `ubinary`: a bit a component, eight to a signed or unsigned byte.
 */
export const VECTOR_FORMATS = ['float', 'base64', 'int8', 'uint8', 'binary', 'ubinary'] as const
export type VectorFormat = (typeof VECTOR_FORMATS)[number]

/** A dense vector → what an answer holds of it: the vector itself, its bytes for `base64`, or small whole numbers. */
export type VectorToWire = (vector: Float32Array) => Float32Array | Uint8Array | number[]
