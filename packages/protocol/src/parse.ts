import type { z } from 'zod'
import { ApiError, type ErrorName } from './errors.js'

/** Zod's issue as this protocol reports it: which row, which sentence. `undefined` means the generic wording. */
export type DescribeIssue = (issue: z.core.$ZodIssue, path: string) => { row: ErrorName; message: string } | undefined

/**
 * Parse a decoded JSON body with a schema.
 *
 * @throws {ApiError} for the first issue; its `param` is the path of the field (`input.texts[2]`).
 */
export function parseWith<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  describe: DescribeIssue = () => undefined,
): z.output<Schema> {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  if (issue === undefined) throw new TypeError('a failed parse without an issue')
  const param = pathOf(issue.path)
  const described = describe(issue, param)
  throw new ApiError(described?.row ?? 'invalid_parameter', described?.message ?? genericMessage(issue, param), {
    param,
  })
}

function genericMessage(issue: z.core.$ZodIssue, param: string): string {
  const field = param === '' ? 'The request body' : `Parameter "${param}"`
  return `${field} is invalid: ${issue.message}.`
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? String(key) : `${text}.${String(key)}`
  }, '')
}

/** What a JSON value is, for the «what came» part of a message; never the value itself, which may be private. */
export function typeName(value: unknown): string {
  if (!Array.isArray(value)) return value === null ? 'null' : typeof value
  const kinds = new Set(
    value.map((element) => (Array.isArray(element) ? 'array' : element === null ? 'null' : typeof element)),
  )
  return kinds.size === 0 ? 'empty array' : `array of ${[...kinds].join(' and ')}`
}
