import { floatText, MAX_FLOAT_BYTES, writeFloats } from './float-text.js'

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
  let text = `${before}[`
  values.forEach((value, i) => {
    text = collect(value, i === 0 ? text : `${text},`, parts)
  })
  return `${text}]`
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
