import { decimalOf, floatText, MAX_FLOAT_BYTES, writeFloats } from './float-text.js'

/** Text that is ready, or a vector whose digits or base64 still have to be written. */
type Part = string | Float32Array | Uint8Array

/**
 * An answer → the bytes of its JSON, in one buffer.
 *
 * As `JSON.stringify` would write it, except that
 * - a `Float32Array` is an array of numbers and a fraction that is exactly a float32 gets a float32's
 *   digits (float-text.ts says which, and that they read back);
 * - a `Uint8Array` is a base64 string, as in protobuf's JSON;
 * - a number that JSON does not have is an error instead of `null`.
 * @param allocate memory for the answer; called once, with the most that it can take.
 * @throws {RangeError} for NaN and the infinities.
 * @throws {TypeError} for what is no JSON: functions, symbols, bigints.
 */
export function encodeJson(value: unknown, allocate: (bytes: number) => Buffer = Buffer.allocUnsafe): Buffer {
  const parts: Part[] = []
  const tail = collect(value, '', parts)
  parts.push(tail)
  const bytes = allocate(parts.reduce((sum, part) => sum + mostBytesOf(part), 0))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let end = 0
  for (const part of parts) {
    if (typeof part === 'string') end += bytes.write(part, end)
    else if (part instanceof Float32Array) end = writeFloats(part, view, end)
    else end += bytes.write(`"${base64Of(part)}"`, end, 'latin1')
  }
  return bytes.subarray(0, end)
}

/** Append a value to the text so far; vectors cut it into parts. @returns the text behind the last vector. */
function collect(value: unknown, text: string, parts: Part[]): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return text + JSON.stringify(value)
    case 'number':
      return text + numberText(value)
    case 'object':
      if (value === null) return `${text}null`
      if (value instanceof Float32Array || value instanceof Uint8Array) {
        parts.push(text, value)
        return ''
      }
      return Array.isArray(value) ? collectArray(value, text, parts) : collectObject(value, text, parts)
    default:
      throw new TypeError(`a ${typeof value} is no JSON`)
  }
}

function collectArray(values: readonly unknown[], before: string, parts: Part[]): string {
  // Thousands of sparse terms, a million tokens: put together piece by piece, such a text is a chain that costs far more to
  // make one than its digits cost.
  if (values.every(isNatural)) return before + JSON.stringify(values)
  if (values.every(isRecord)) return before + JSON.stringify(values.map(withDecimals))
  let text = `${before}[`
  for (const [i, value] of values.entries()) text = collect(value, i === 0 ? text : `${text},`, parts)
  return `${text}]`
}

/** Written by JSON.stringify as by {@link encodeJson}: a text, or a whole number that is not minus zero. */
function isNatural(value: unknown): boolean {
  return typeof value === 'string' || (Number.isInteger(value) && !Object.is(value, -0))
}

/** An object of texts and numbers, as a sparse term is. */
function isRecord(value: unknown): value is Record<string, string | number> {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || ArrayBuffer.isView(value)) return false
  return Object.values(value).every((field) => isNatural(field) || (Number.isFinite(field) && !Object.is(field, -0)))
}

/** A record with numbers of which JSON.stringify writes the digits that {@link encodeJson} writes. */
function withDecimals(record: Record<string, string | number>): object {
  const copy: Record<string, string | number> = Object.create(null) // any key is a field, `__proto__` too
  for (const key of Object.keys(record)) {
    const field = record[key] as string | number // it has its keys
    copy[key] = isFraction(field) && Math.fround(field) === field ? decimalOf(field) : field
  }
  return copy
}

function collectObject(object: object, before: string, parts: Part[]): string {
  let text = `${before}{`
  let isFirst = true
  for (const [key, value] of Object.entries(object)) {
    if (value === undefined) continue
    text = collect(value, `${text}${isFirst ? '' : ','}${JSON.stringify(key)}:`, parts)
    isFirst = false
  }
  return `${text}}`
}

function isFraction(value: unknown): value is number {
  return typeof value === 'number' && !Number.isInteger(value)
}

function numberText(value: number): string {
  if (Number.isInteger(value) && !Object.is(value, -0)) return String(value)
  if (!Number.isFinite(value)) throw new RangeError(`${value} is no JSON number`)
  return Math.fround(value) === value ? floatText(value) : String(value)
}

/** UTF-8 takes at most three bytes for a UTF-16 unit. */
function mostBytesOf(part: Part): number {
  if (typeof part === 'string') return part.length * 3
  if (part instanceof Float32Array) return part.length * MAX_FLOAT_BYTES + 2
  return Math.ceil(part.length / 3) * 4 + 2
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
