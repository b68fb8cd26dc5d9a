import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { linesOf } from '../jobs/lines.js'
import { EXIT, UserError } from './exit.js'

/** A text and the number it keeps in the output: its line, or its place among the arguments, from 0. */
export interface Line {
  index: number
  text: string
}

/**
 * The texts of a command: its arguments, the lines of a file, or standard input.
 *
 * @returns lines that are read as they are asked for; reading throws a UserError for a file that cannot be read or is not
 * UTF-8, or an empty line that is not to be skipped. `total` is known for arguments only.
 */
export function readLines(
  texts: readonly string[],
  { file, skipEmpty }: { file?: string; skipEmpty?: boolean },
): { lines: AsyncIterable<Line>; total?: number } {
  if (texts.length > 0 && file !== undefined) throw new UserError('give texts or --file, not both.', EXIT.usage)
  if (texts.length > 0) return { lines: numbered(texts, skipEmpty), total: texts.length }
  if (file === undefined && process.stdin.isTTY) {
    throw new UserError('nothing to embed: give texts, --file, or pipe lines in.', EXIT.usage)
  }
  return { lines: numbered(textsOf(file), skipEmpty) }
}

/** A text of the largest model has a fraction of it; without a bound a file that has no lines at all would be held whole. */
const MAX_LINE_BYTES = 64 * 1024 * 1024
const BYTE_ORDER_MARK = '\ufeff'

/** The same lines, with the same numbers, as a task makes of the file; what is not UTF-8 would be embedded as other text. */
async function* textsOf(path = '-'): AsyncGenerator<string> {
  const name = path === '-' ? 'standard input' : path
  const source = path === '-' ? process.stdin : createReadStream(path)
  const lines = linesOf(chunksOf(source, name), { maxLineBytes: MAX_LINE_BYTES })
  for await (const group of lines) {
    for (const { index, bytes } of group) {
      if (bytes === undefined) {
        throw new UserError(`text ${index} (from 0) of ${name} has more than ${MAX_LINE_BYTES} bytes.`)
      }
      if (!isUtf8(bytes)) throw new UserError(`text ${index} (from 0) of ${name} is not UTF-8.`)
      const text = bytes.toString('utf8')
      yield index === 0 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text
    }
  }
}

async function* chunksOf(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  try {
    yield* source
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new UserError(`${name} cannot be read (${reason}).`)
  }
}

async function* numbered(texts: Iterable<string> | AsyncIterable<string>, skipEmpty = false): AsyncGenerator<Line> {
  let index = 0
  for await (const text of texts) {
    if (text.trim() !== '') yield { index, text }
    else if (!skipEmpty) throw new UserError(`text ${index} (from 0) is empty; --skip-empty leaves such lines out.`)
    index++
  }
}
