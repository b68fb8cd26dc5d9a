/** Strings by number, in memory that threads share: a thread makes it, and handing it over costs nothing. */
export interface TextTable {
  /** UTF-16 units of all, one after the other. */
  units: Uint16Array
  /** Where each begins; one more than there are, so that the next one's beginning is its end. */
  starts: Int32Array
}

/** @param texts by number; those that are not there are empty. */
export function textTable(texts: readonly (string | undefined)[]): TextTable {
  const starts = sharedInts(texts.length + 1)
  for (let i = 0; i < texts.length; i++) starts[i + 1] = (starts[i] as number) + (texts[i]?.length ?? 0) // i < length
  const units = sharedUnits(starts[texts.length] as number)
  let place = 0
  for (const text of texts) for (let i = 0; i < (text?.length ?? 0); i++) units[place++] = text?.charCodeAt(i) ?? 0
  return { units, starts }
}

/** The string of this number; `undefined` for one that is not there. */
export function textAt({ units, starts }: TextTable, number: number): string | undefined {
  const [start, end] = [starts[number], starts[number + 1]]
  return start === undefined || end === undefined || start === end
    ? undefined
    : String.fromCharCode(...units.subarray(start, end))
}

export function sharedInts(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT))
}

export function sharedUnits(length: number): Uint16Array {
  return new Uint16Array(new SharedArrayBuffer(length * Uint16Array.BYTES_PER_ELEMENT))
}

export function sharedDoubles(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT))
}
