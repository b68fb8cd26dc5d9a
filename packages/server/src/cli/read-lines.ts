import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { EXIT, UserError } from './exit.js'

/** A text and the number it keeps in the output: its line, or its place among the arguments, from 0. */
export interface Line {
  index: number
  text: string
}

/**
 * The texts of a command: its arguments, the lines of a file, or standard input.
 *
 * @returns lines that are read as they are asked for; reading throws a UserError for a file that cannot be read, or an
 * empty line that is not to be skipped. `total` is known for arguments only.
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
  return { lines: numbered(linesOf(file), skipEmpty) }
}

async function* linesOf(path: string | undefined): AsyncGenerator<string> {
  if (path === undefined || path === '-') {
    yield* createInterface({ input: process.stdin.setEncoding('utf8'), crlfDelay: Number.POSITIVE_INFINITY })
    return
  }
  try {
    const file = await open(path)
    yield* file.readLines({ encoding: 'utf8' })
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new UserError(`${path} cannot be read (${reason}).`)
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
