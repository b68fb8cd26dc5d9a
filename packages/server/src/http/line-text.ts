import type { InputLine } from '../jobs/lines.js'

const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/** A line as text; `undefined` when it has more bytes than a line may. Programs on Windows begin a file with a mark. */
export function textOf({ index, bytes }: InputLine): string | undefined {
  const hasMark = index === 0 && bytes?.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
  return bytes?.toString('utf8', hasMark ? BYTE_ORDER_MARK.length : 0)
}
