import { z } from 'zod'

/**
 * A list of texts. Like `z.array(z.string())`, and documented as it, but one wrong element is one issue, not one for
 * each: a list of a hundred thousand numbers would make a hundred thousand errors, of which one is told.
 */
export const TextList = z
  .custom<string[]>((value) => Array.isArray(value) && value.every((text) => typeof text === 'string'), {
    error: 'expected a list of texts',
  })
  .meta({ type: 'array', items: { type: 'string' } })
