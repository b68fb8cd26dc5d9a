/**
 * float32 → decimal digits, as few bytes as a vector needs and no information less.
 *
 * Contract: the text reads as the same float32, bit for bit, minus zero included, whether a client parses a double and
 * casts it (JavaScript, Python with NumPy) or parses a float32 at once (Java, Go); so it has exactly the vector that
 * base64 would have given. At most 9 significant digits, mostly 8. `JSON.stringify` writes the double that the float32
 * is widened to, with up to 17 digits, of which the last eight are noise.
 *
 * Why it reads back. For 10⁻⁵ ≤ a < 1 a candidate is D = n / 10ᵏ with n < 2³⁰. D lies inside the interval of the decimals
 * that round to a, and not within 2⁻²⁰ of its width at the rim, when |n - a·10ᵏ| ≤ h·10ᵏ·(1 - 2⁻²⁰), h being half the gap
 * between float32 there. Of that test only a·10ᵏ is rounded, by 2⁻²⁷ at most where h·10ᵏ is at least 2⁻²; so whether a
 * client rounds D to a float32 in one step or in two, the rim is too far away to be reached. Eight digits pass for most
 * numbers; nine always do: the ninth digit is at most half a unit off, and h is at least 2⁻²⁵ of a, some three units
 * (Matula 1968, In-and-Out Conversions; IEEE 754-2019 §5.12.2). A power of two, whose gap below is half the one above, and
 * every other number go through `toPrecision`.
 *
 * Cost: two multiplications and four stores a component, and no branch that a sign or a size could surprise; some ten
 * times as fast as `JSON.stringify`.
 */

/** Longest text of one component with its comma: a sign and the 21 digits that JavaScript writes without exponent. */
export const MAX_FLOAT_BYTES = 23

const ZERO = 0x30
const OPEN = 0x5b
const CLOSE = 0x5d
/** The bits of a float32 but its sign, and those that are 0 in a power of two. */
const MAGNITUDE = 0x7fffffff
const MANTISSA = 0x7fffff

/** What follows the point before the first digit that is not 0; with more zeros a number has an exponent. */
const MAX_ZEROS = 4
const NOT_PLAIN = MAX_ZEROS + 1
/** 10⁸⁺ᶻ makes a number with z zeros one of eight digits. */
const SCALES = Float64Array.from({ length: MAX_ZEROS + 1 }, (_, zeros) => Number(`1e${8 + zeros}`))
/** The four ASCII digits of 0…9999, the first one in the lowest byte. */
const FOUR_DIGITS = Uint32Array.from({ length: 10_000 }, (_, number) =>
  Buffer.from(String(number).padStart(4, '0')).readUInt32LE(),
)

/** Of those four digits, how many stand before the zeros at their end. */
const DIGITS_KEPT = Uint8Array.from(
  { length: 10_000 },
  (_, number) => String(number).padStart(4, '0').replace(/0+$/, '').length,
)
/** What a component begins with; its further zeros come from {@link FOUR_ZEROS}. */
const POSITIVE = Buffer.from(',0.0').readUInt32LE()
const NEGATIVE = Buffer.from(',-0.').readUInt32LE()
const FOUR_ZEROS = Buffer.from('0000').readUInt32LE()

const ONE_FLOAT = new Float32Array(1)
const ITS_WORD = new Int32Array(ONE_FLOAT.buffer)

/** By the eight bits of a float32's exponent: what holds for the numbers from `least` up to its double. */
const BINADES = Array.from({ length: 256 }, (_, exponent) => {
  const least = 2 ** (exponent - 127)
  const zeros = Math.floor(-Math.log10(2 * least))
  const isPlain = least < 1 && zeros <= MAX_ZEROS
  return { least, zeros: isPlain ? zeros : NOT_PLAIN, powerOfTen: isPlain ? Number(`1e-${zeros + 1}`) : 0 }
})
/** Zeros of the larger numbers; those below the power of ten that lies among them have one more. */
const ZEROS = Uint8Array.from(BINADES, ({ zeros }) => zeros)
/** The bits of the first float32 that is not below that power of ten. */
const POWER_OF_TEN = Int32Array.from(BINADES, ({ powerOfTen }) => {
  const bits = wordOf(powerOfTen)
  return Math.fround(powerOfTen) < powerOfTen ? bits + 1 : bits
})
/** Half the gap between two float32, less a millionth. */
const REACH = Float64Array.from(BINADES, ({ least }) => least * 2 ** -24 * (1 - 2 ** -20))

/**
 * Write a vector as a JSON array.
 *
 * @param target with room for `2 + vector.length * MAX_FLOAT_BYTES` bytes behind `at`.
 * @returns the position behind the last byte written.
 * @throws {RangeError} for NaN and the infinities, which JSON does not have.
 */
export function writeFloats(vector: Float32Array, target: DataView, at: number): number {
  const words = new Uint32Array(vector.buffer, vector.byteOffset, vector.length)
  let end = at
  for (let i = 0; i < vector.length; i++) {
    const word = words[i] as number // i < length
    const value = vector[i] as number
    const magnitude = Math.abs(value)
    const zeros = zerosOf(word)
    const digits = digitsOf(word, magnitude, zeros)
    end = digits === 0 ? writeText(`,${floatText(value)}`, target, end) : writeDigits(digits, word, zeros, target, end)
  }
  // Every component has a comma before it; where the first one's is belongs the bracket.
  target.setUint8(at, OPEN)
  if (vector.length === 0) end++
  target.setUint8(end, CLOSE)
  return end + 1
}

/**
 * One float32 as a JSON number, with the same digits that {@link writeFloats} would write.
 *
 * Minus zero is `-0.0`: Python reads `-0` as an integer, which has no sign at zero.
 * @throws {RangeError} for NaN and the infinities, and for a number that is no float32.
 */
export function floatText(value: number): string {
  return Object.is(value, -0) ? '-0.0' : String(decimalOf(value))
}

/**
 * The double that JavaScript, `JSON.stringify` too, writes with those digits; 0 for minus zero.
 *
 * @throws {RangeError} for NaN and the infinities, and for a number that is no float32.
 */
export function decimalOf(value: number): number {
  const word = wordOf(value)
  if (!Number.isFinite(value) || Math.fround(value) !== value) throw new RangeError(`${value} is not a finite float32`)
  const zeros = zerosOf(word)
  const digits = digitsOf(word, Math.abs(value), zeros)
  if (digits === 0) return shortestOf(value)
  const scale = (SCALES[zeros] as number) * (digits < 1e8 ? 1 : 10) // zeros ≤ MAX_ZEROS where there are digits
  return (Math.sign(value) * digits) / scale
}

/** Zeros between the point and the first digit, or more than {@link MAX_ZEROS} for a number outside [10⁻⁵, 1). */
function zerosOf(word: number): number {
  const exponent = (word >>> 23) & 0xff
  // Bits of float32 order as their numbers do. The sign of a difference instead of a branch: nobody could predict it.
  const isBelow = ((word & MAGNITUDE) - (POWER_OF_TEN[exponent] as number)) >>> 31
  return (ZEROS[exponent] as number) + isBelow
}

/** The 8 or 9 digits that read back as this float32; 0 where there are none, or rounding up made one digit more. */
function digitsOf(word: number, magnitude: number, zeros: number): number {
  if (zeros > MAX_ZEROS || (word & MANTISSA) === 0) return 0
  const scale = SCALES[zeros] as number
  const scaled = magnitude * scale
  const eight = (scaled + 0.5) | 0
  if (Math.abs(scaled - eight) <= (REACH[(word >>> 23) & 0xff] as number) * scale) return eight < 1e8 ? eight : 0
  const nine = (magnitude * (scale * 10) + 0.5) | 0
  return nine < 1e9 ? nine : 0
}

/** Comma, sign, `0.`, zeros, digits, without the zeros at its end. */
function writeDigits(digits: number, word: number, zeros: number, target: DataView, at: number): number {
  const sign = word >>> 31
  target.setUint32(at, POSITIVE + Math.imul(sign, NEGATIVE - POSITIVE), true)
  target.setUint32(at + 4, FOUR_ZEROS, true)
  let end = at + 3 + sign + zeros
  let rest = digits
  if (rest >= 1e8) {
    const first = (rest / 1e8) | 0
    target.setUint8(end++, ZERO + first)
    rest -= first * 1e8
  }
  const high = (rest / 10_000) | 0
  const low = rest - high * 10_000
  target.setUint32(end, FOUR_DIGITS[high] as number, true) // rest < 10⁸
  target.setUint32(end + 4, FOUR_DIGITS[low] as number, true)
  return end + (low === 0 ? (DIGITS_KEPT[high] as number) : 4 + (DIGITS_KEPT[low] as number))
}

/** The decimal of 8 digits, or else of 9, that rounds to this float32. */
function shortestOf(value: number): number {
  const eight = Number(value.toPrecision(8))
  return readsAs(eight, value) ? eight : Number(value.toPrecision(9))
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

function wordOf(value: number): number {
  ONE_FLOAT[0] = value
  return ITS_WORD[0] as number // it has one
}

function writeText(ascii: string, target: DataView, at: number): number {
  for (let i = 0; i < ascii.length; i++) target.setUint8(at + i, ascii.charCodeAt(i))
  return at + ascii.length
}
