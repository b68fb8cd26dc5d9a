/** IEEE 754 half precision as its bits → float32. */
export function fromHalf(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) values[i] = halfToNumber(bits[i] as number) // i < bits.length
  return values
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** bfloat16 as its bits → float32: the upper half of a float32. */
export function fromBfloat16(bits: Uint16Array): Float32Array {
  const words = Uint32Array.from(bits, (half) => half * 0x10000)
  return new Float32Array(words.buffer)
}
