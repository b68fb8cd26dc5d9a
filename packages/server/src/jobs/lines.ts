/** A line of an input, without its end. */
export interface InputLine {
  /** From 0. */
  index: number
  /** Offset of its first byte in the input. */
  startByte: number
  /** `undefined` when it has more than the limit; it was then never held whole. */
  bytes: Buffer | undefined
}

const NEWLINE = 0x0a
const RETURN = 0x0d

/**
 * Bytes → lines, as they come; memory is bounded by a chunk and one line. `\n` and `\r\n` end a line, and an end behind the last
 * line does not begin another.
 *
 * @param options.startByte, options.firstLine where in the input `source` begins: always at a line.
 * @returns the lines that end in each chunk together, because one promise a line is dear.
 */
export async function* linesOf(
  source: AsyncIterable<Uint8Array>,
  { maxLineBytes, startByte = 0, firstLine = 0 }: { maxLineBytes: number; startByte?: number; firstLine?: number },
): AsyncGenerator<InputLine[]> {
  const line = new LineBuffer(maxLineBytes)
  let index = firstLine
  let lineStart = startByte
  let offset = startByte
  for await (const bytes of source) {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const lines: InputLine[] = []
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      line.add(chunk.subarray(from, end))
      lines.push({ index: index++, startByte: lineStart, bytes: line.take() })
      from = end + 1
      lineStart = offset + from
    }
    line.add(chunk.subarray(from))
    offset += chunk.length
    if (lines.length > 0) yield lines
  }
  if (offset > lineStart) yield [{ index, startByte: lineStart, bytes: line.take() }]
}

/** The pieces of one line; beyond the limit nothing is kept. */
class LineBuffer {
  #pieces: Buffer[] = []
  #size = 0

  constructor(readonly maxBytes: number) {}

  add(piece: Buffer): void {
    this.#size += piece.length
    // One more than the limit may still be the `\r` of the line's end.
    if (this.#size <= this.maxBytes + 1) this.#pieces.push(piece)
    else this.#pieces = []
  }

  take(): Buffer | undefined {
    const whole = this.#size <= this.maxBytes + 1 ? Buffer.concat(this.#pieces) : undefined
    this.#pieces = []
    this.#size = 0
    const line = whole?.at(-1) === RETURN ? whole.subarray(0, -1) : whole
    return line !== undefined && line.length > this.maxBytes ? undefined : line
  }
}
