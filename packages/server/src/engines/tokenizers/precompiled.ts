/** Characters that follow another one and make one cluster with it. */
const EXTENDS = /[\u{1f3fb}-\u{1f3ff}\p{Grapheme_Extend}\p{Mc}\u0e33\u0eb3]|\u200d/u
/** A cluster as far as it matters here: a line's end, a control, or a character with what extends it. */
const CLUSTER =
  /\r\n|[\p{Cc}\p{Zl}\p{Zp}]|[\s\S](?:[\u{1f3fb}-\u{1f3ff}\p{Grapheme_Extend}\p{Mc}\u0e33\u0eb3]|\u200d){0,64}/gu
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/
/** Clusters of more bytes are mapped character by character. */
const MAX_CLUSTER_BYTES = 5

/**
 * sentencepiece's normalisation table, `precompiled_charsmap`: a double array over UTF-8 bytes and the replacements that
 * its leaves point to.
 *
 * Follows the reference (Hugging Face `spm_precompiled`) to its oddities: a cluster is replaced as a whole by what the
 * shortest of its beginnings in the table maps to.
 */
export class Precompiled {
  readonly #units: Uint32Array
  readonly #replacements: Buffer
  /** What single characters become, found so far. */
  readonly #characters = new Map<string, string>()

  /** @param table in base 64. @throws {RangeError} when it is cut off. */
  constructor(table: string) {
    const bytes = Buffer.from(table, 'base64')
    const size = bytes.length < 4 ? Number.NaN : bytes.readUInt32LE(0)
    if (!(4 + size <= bytes.length)) throw new RangeError('precompiled_charsmap is cut off')
    this.#units = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i))
    this.#replacements = bytes.subarray(4 + size)
  }

  /** @param text well-formed UTF-16. Linear in its length. */
  normalize(text: string): string {
    if (PRINTABLE_ASCII.test(text)) return text
    let normalized = ''
    if (!EXTENDS.test(text) && !text.includes('\r')) {
      for (const character of text) normalized += this.#character(character)
      return normalized
    }
    for (const cluster of clustersOf(text)) normalized += this.cluster(cluster)
    return normalized
  }

  /** What one cluster becomes. */
  cluster(cluster: string): string {
    if (cluster.length <= MAX_CLUSTER_BYTES && Buffer.byteLength(cluster) <= MAX_CLUSTER_BYTES) {
      const whole = this.#find(cluster)
      if (whole !== undefined) return whole
    }
    let normalized = ''
    for (const character of cluster) normalized += this.#character(character)
    return normalized
  }

  #character(character: string): string {
    let mapped = this.#characters.get(character)
    if (mapped === undefined) {
      mapped = this.#find(character) ?? character
      this.#characters.set(character, mapped)
    }
    return mapped
  }

  /** What the shortest beginning that the table has maps to. */
  #find(chunk: string): string | undefined {
    let place = offsetOf(this.#unit(0))
    for (const byte of Buffer.from(chunk)) {
      if (byte === 0) return undefined
      place ^= byte
      const unit = this.#unit(place)
      if ((unit & 0x800000ff) >>> 0 !== byte) return undefined
      place ^= offsetOf(unit)
      if ((unit & 0x100) !== 0) return this.#replacement(this.#unit(place) & 0x7fffffff)
    }
    return undefined
  }

  #unit(place: number): number {
    return this.#units[place] ?? 0
  }

  #replacement(start: number): string {
    const end = this.#replacements.indexOf(0, start)
    return this.#replacements.toString('utf8', start, end === -1 ? undefined : end)
  }
}

export function* clustersOf(text: string): Generator<string> {
  for (const [cluster] of text.matchAll(CLUSTER)) yield cluster
}

/** @see Darts-clone, the double array that sentencepiece uses. */
function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6)
}
