import { z } from 'zod'

/**
 * An array whose elements are looked at up to the first wrong one.
 *
 * Zod's own arrays report every wrong element, and a union of them does so once for each type: a body of 4 MB, a million
 * numbers where texts belong, would hold up everything else for a minute.
 */
export const isListOf =
  <Element>(isElement: (value: unknown) => value is Element) =>
  (value: unknown): value is Element[] =>
    Array.isArray(value) && value.every(isElement)

export const isString = (value: unknown): value is string => typeof value === 'string'
export const isNumber = (value: unknown): value is number => typeof value === 'number'

/** JSON Schema of what zod cannot describe by itself. */
export const jsonList = (items: object) => ({ type: 'array', items }) as const
export const jsonText = { type: 'string' } as const
export const jsonNumber = { type: 'number' } as const

/** A list of texts. */
export const TextList = z.custom<string[]>(isListOf(isString), 'expected a list of texts').meta(jsonList(jsonText))

/** One text or a list of texts. */
export const Texts = z
  .custom<string | string[]>(
    (value) => isString(value) || isListOf(isString)(value),
    'expected a text or a list of texts',
  )
  .meta({ anyOf: [jsonText, jsonList(jsonText)] })
