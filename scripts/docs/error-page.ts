import { ERRORS, type ErrorName, statusOf, tei } from '@quiver/protocol'
import { ERROR_TEXTS, type Language } from './error-texts.js'

/** What a language calls the columns and the few words in them. */
const WORDS: Record<
  Language,
  { codes: string; advice: string; yes: string; no: string; dashscope: (status: number) => string }
> = {
  en: {
    codes: '| name | HTTP | DashScope `code` | OpenAI `type` | OpenAI `code` | TEI | retry |',
    advice: '| name | when | what to do |',
    yes: 'yes',
    no: 'no',
    dashscope: (status) => `, DashScope ${status}`,
  },
  zh: {
    codes: '| 名称 | HTTP | DashScope `code` | OpenAI `type` | OpenAI `code` | TEI | 可重试 |',
    advice: '| 名称 | 何时出现 | 如何处理 |',
    yes: '是',
    no: '否',
    dashscope: (status) => `，DashScope 为 ${status}`,
  },
}

// An object literal has no other keys than those of its type.
const NAMES = Object.keys(ERRORS) as ErrorName[]

/**
 * `docs/errors.md` or its translation with both tables made anew from the table of errors; the prose is kept.
 *
 * @throws {RangeError} when the page lacks one of the comments between which the tables stand.
 */
export function fillErrorPage(page: string, language: Language): string {
  return fill(fill(page, 'codes', codesTable(language)), 'advice', adviceTable(language))
}

function fill(page: string, name: string, table: string): string {
  const [begin, end] = [`<!-- ${name}: by npm run docs:errors -->`, `<!-- end of ${name} -->`]
  const [before, rest] = split(page, begin)
  const [, after] = split(rest, end)
  return `${before}${begin}\n${table}\n${end}${after}`
}

function split(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark)
  if (at < 0) throw new RangeError(`the page has no ${mark}`)
  return [text.slice(0, at), text.slice(at + mark.length)]
}

function codesTable(language: Language): string {
  const { codes, yes, no, dashscope } = WORDS[language]
  const rows = NAMES.map((name) => {
    const [, dashscopeCode, type, code, isRetryable] = ERRORS[name]
    const [status, native, ofTei] = [
      statusOf({ row: name }, 'openai'),
      statusOf({ row: name }, 'dashscope'),
      statusOf({ row: name }, 'tei'),
    ]
    const statuses = native === status ? status : `${status}${dashscope(native)}`
    return `| \`${name}\` | ${statuses} | ${dashscopeCode} | ${type} | ${code} | ${ofTei === status ? '' : `${ofTei} `}${tei.TEI_ERROR_TYPE[name]} | ${isRetryable ? yes : no} |`
  })
  return [codes, '|---|---|---|---|---|---|---|', ...rows].join('\n')
}

function adviceTable(language: Language): string {
  const rows = NAMES.map((name) => {
    const { when, remedy } = ERROR_TEXTS[name][language]
    return `| \`${name}\` | ${when} | ${remedy} |`
  })
  return [WORDS[language].advice, '|---|---|---|', ...rows].join('\n')
}
