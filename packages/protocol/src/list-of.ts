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

/**
 * A schema of such an array: an issue names the first wrong element, and what it should have been.
 *
 * @param what the element, as in «expected a text».
 */
export function listOf<Element>(isElement: (value: unknown) => value is Element, what: string, items: object) {
  return z
    .custom<Element[]>(Array.isArray, 'expected a list')
    .superRefine((list, context) => {
      const index = list.findIndex((element) => !isElement(element))
      if (index !== -1) context.addIssue({ code: 'custom', path: [index], message: `expected ${what}` })
    })
    .meta(jsonList(items))
}

/** One of some words. */
export const isOneOf =
  <Word extends string>(words: readonly Word[]) =>
  (value: unknown): value is Word =>
    words.some((word) => word === value)

/** An object, or none of its fields can be looked at. */
export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

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
