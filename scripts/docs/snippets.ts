/**
 * Programs in Markdown that are run to prove the page true.
 *
 * A fence whose info string is a language and the word `run` (```` ```python run ````; GitHub colours by the first word
 * and shows neither) is a whole program. A fence `text output` is what every program since the last heading or output
 * prints; in it a number stands for any number and `…` for anything, so that the page holds the shape, not the digits.
 */

export const LANGUAGES = ['sh', 'python', 'js', 'java'] as const
export type SnippetLanguage = (typeof LANGUAGES)[number]

export interface Snippet {
  language: SnippetLanguage
  code: string
  /** Line of the opening fence, from 1. */
  line: number
  /** What it prints; `undefined` where the page does not say. */
  output: string | undefined
}

/** @throws {SyntaxError} for a `run` fence of an unknown language, and for an output that no program prints. */
export function snippetsOf(markdown: string): Snippet[] {
  const snippets: Snippet[] = []
  let since = 0
  for (const block of blocksOf(markdown)) {
    if (block.kind === 'heading') {
      since = snippets.length
    } else if (block.info === 'text output') {
      if (since === snippets.length) throw new SyntaxError(`line ${block.line}: an output without a program`)
      for (const snippet of snippets.slice(since)) snippet.output = block.content
      since = snippets.length
    } else if (/\brun$/.test(block.info)) {
      snippets.push({ language: languageOf(block), code: block.content, line: block.line, output: undefined })
    }
  }
  return snippets
}

/** Whether a program printed what its page says, numbers standing for numbers and `…` for anything. */
export function hasShape(printed: string, output: string): boolean {
  const pattern = output
    .trim()
    .split(/(…|-?\d+(?:\.\d+)?)/)
    .map((part, index) =>
      index % 2 === 0 ? part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') : part === '…' ? '.*' : NUMBER,
    )
    .join('')
  return new RegExp(`^${pattern}$`).test(printed.trim().replaceAll('\r\n', '\n'))
}

const NUMBER = '-?\\d+(?:\\.\\d+)?(?:e-?\\d+)?'

type Block = { kind: 'heading' } | { kind: 'fence'; info: string; content: string; line: number }

function* blocksOf(markdown: string): Generator<Block> {
  const lines = markdown.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const info = /^```(.*)$/.exec(line)?.[1]
    if (/^#{1,6} /.test(line)) yield { kind: 'heading' }
    if (info === undefined) continue
    const end = lines.indexOf('```', at + 1)
    if (end < 0) throw new SyntaxError(`line ${at + 1}: a fence without an end`)
    yield { kind: 'fence', info: info.trim(), content: lines.slice(at + 1, end).join('\n'), line: at + 1 }
    at = end
  }
}

function languageOf({ info, line }: { info: string; line: number }): SnippetLanguage {
  const language = LANGUAGES.find((known) => info === `${known} run`)
  if (language === undefined)
    throw new SyntaxError(`line ${line}: «${info}» is not one of ${LANGUAGES.join(', ')} + run`)
  return language
}
