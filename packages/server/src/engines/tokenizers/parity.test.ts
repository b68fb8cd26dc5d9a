import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { modelPath } from '../test-models.test.support.js'
import { createTokenizer } from './create-tokenizer.js'

/** Written by test/weights/reference_ids.py with the reference implementation; null: a line that spells a special token. */
interface Reference {
  texts: string[]
  ids: Record<string, (number[] | null)[]>
}

const path = modelPath('reference-ids.json')
const reference: Reference = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { texts: [], ids: {} }

describe('10,000 lines of more than 20 languages', () => {
  test.skipIf(!existsSync(path))('are there', () => expect(reference.texts).toHaveLength(10_000))

  test.each(Object.entries(reference.ids))(
    'have the ids of the reference implementation: %s',
    (model, expected) => {
      const tokenizer = createTokenizer(JSON.parse(readFileSync(modelPath(model, 'tokenizer.json'), 'utf8')))
      const different = reference.texts.filter((text, line) => {
        const ids = expected[line]
        return ids && JSON.stringify(Array.from(tokenizer.tokenize(text, 1e6).ids)) !== JSON.stringify(ids)
      })
      expect(different).toEqual([])
    },
    120_000,
  )
})
