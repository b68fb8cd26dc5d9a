/**
 * float32 → decimal digits, as few bytes as a vector needs and no information less.
 *
 * Contract: the text reads as the same float32, bit for bit, minus zero included, whether a client parses a double and
 * casts it (JavaScript, Python with NumPy) or parses a float32 at once (Java, Go); so it has exactly the vector that
 * base64 would have given. At most 9 significant digits, mostly 8. `JSON.stringify` writes the double that the float32
 * is widened to, with up to 17 digits, of which the last eight are noise.
 *
 * Why it reads back. For 10⁻⁵ ≤ a < 1 a candidate is n / 10ᵏ with n < 2³⁰ and k ≤ 13, both exact doubles. A client
 * reads the text as the double nearest to that quotient, and IEEE division yields just that double (Clinger 1990, How
 * to Read Floating Point Numbers Accurately, the fast path). Rounding it to float32 is therefore the client's own
 * computation, not an estimate. It is done for a double a little farther from a than the decimal: when that becomes a, so
 * does whatever lies between them, the decimal itself too, and no tie can be broken another way. Eight digits pass for
 * most numbers; nine always do: the ninth digit is at most half a unit off, 5·10⁻⁹ of the value, and half the gap to the
 * next float32 is at least 2⁻²⁵ ≈ 3·10⁻⁸ of it (Matula 1968, In-and-Out Conversions; IEEE 754-2019 §5.12.2). Every
 * other number goes through `toPrecision`, whose digits are held against the same test.
 *
 * Cost: a multiplication, a division and three stores a component; some five times as fast as `JSON.stringify`.
 */

/** Longest text of one component with its comma: a sign and the 21 digits that JavaScript writes without exponent. */
export const MAX_FLOAT_BYTES = 23

const COMMA = 0x2c
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const OPEN = 0x5b
const CLOSE = 0x5d
const FOUR_ZEROS = 0x30303030

const POWERS_OF_TEN = Float64Array.from({ length: 14 }, (_, exponent) => Number(`1e${exponent}`))
/** The four ASCII digits of 0…9999, the first one in the lowest byte. */
const FOUR_DIGITS = Uint32Array.from({ length: 10_000 }, (_, number) =>
  Buffer.from(String(number).padStart(4, '0')).readUInt32LE(),
)

/**
 * Write a vector as a JSON array.
 *
 * @param target with room for `2 + vector.length * MAX_FLOAT_BYTES` bytes behind `at`.
 * @returns the position behind the last byte written.
 * @throws {RangeError} for NaN and the infinities, which JSON does not have.
 */
export function writeFloats(vector: Float32Array, target: DataView, at: number): number {
  let end = at
  target.setUint8(end++, OPEN)
  for (let i = 0; i < vector.length; i++) {
    if (i > 0) target.setUint8(end++, COMMA)
    const value = vector[i] as number // i < length
    const magnitude = Math.abs(value)
    const zeros = leadingZeros(magnitude)
    const digits = zeros === OUTSIDE ? 0 : digitsOf(magnitude, zeros)
    end = digits === 0 ? writeText(floatText(value), target, end) : writeDigits(digits, zeros, value < 0, target, end)
  }
  target.setUint8(end++, CLOSE)
  return end
}

/**
 * One float32 as a JSON number, with the same digits that {@link writeFloats} would write.
 *
 * Minus zero is `-0.0`: Python reads `-0` as an integer, which has no sign at zero.
 * @throws {RangeError} for NaN and the infinities, and for a number that is no float32.
 */
export function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0.0'
  for (const precision of [8, 9]) {
    const decimal = Number(value.toPrecision(precision))
    if (readsAs(decimal, value) && Number.isFinite(value)) return String(decimal)
  }
  throw new RangeError(`${value} is not a finite float32`)
}

/** The number is too small or too large for {@link digitsOf}. */
const OUTSIDE = -1

/** Zeros between the point and the first digit of a number in [10⁻⁵, 1). */
function leadingZeros(magnitude: number): number {
  if (!(magnitude < 1)) return OUTSIDE // NaN too
  if (magnitude >= 0.1) return 0
  if (magnitude >= 0.01) return 1
  if (magnitude >= 0.001) return 2
  if (magnitude >= 0.0001) return 3
  return magnitude >= 0.00001 ? 4 : OUTSIDE
}

/** The 8 or 9 digits that read back as this float32; 0 where rounding up made one digit more. */
function digitsOf(magnitude: number, zeros: number): number {
  const scale = POWERS_OF_TEN[8 + zeros] as number // zeros ≤ 4
  const eight = (magnitude * scale + 0.5) | 0
  if (readsAs(eight / scale, magnitude)) return eight < 1e8 ? eight : 0
  const finer = scale * 10 // exact: a power of ten up to 10²²
  const nine = (magnitude * finer + 0.5) | 0
  return readsAs(nine / finer, magnitude) && nine < 1e9 ? nine : 0
}

/**
 * Whether a decimal, of which the nearest double is given, rounds to this float32 in one step or in two.
 *
 * Half a gap between float32 is 2⁻²⁵ of the number or more. A decimal nearer than 2⁻³⁰ of it is far inside; any other
 * is moved away by at least 2⁻⁵⁰, eight times what it may differ from its double.
 */
function readsAs(decimal: number, float: number): boolean {
  return Math.fround(decimal + (decimal - float) * 2 ** -20) === float
}

/** `0.` zeros digits, without the zeros at its end. */
function writeDigits(digits: number, zeros: number, isNegative: boolean, target: DataView, at: number): number {
  let end = at
  let rest = digits
  if (isNegative) target.setUint8(end++, MINUS)
  target.setUint8(end++, ZERO)
  target.setUint8(end++, POINT)
  target.setUint32(end, FOUR_ZEROS, true)
  end += zeros
  if (rest >= 1e8) {
    const first = (rest / 1e8) | 0
    target.setUint8(end++, ZERO + first)
    rest -= first * 1e8
  }
  const high = (rest / 10_000) | 0
  target.setUint32(end, FOUR_DIGITS[high] as number, true) // rest < 10⁸
  target.setUint32(end + 4, FOUR_DIGITS[rest - high * 10_000] as number, true)
  end += 8
  while (target.getUint8(end - 1) === ZERO) end--
  return end
}

function writeText(ascii: string, target: DataView, at: number): number {
  for (let i = 0; i < ascii.length; i++) target.setUint8(at + i, ascii.charCodeAt(i))
  return at + ascii.length
}
