import { expect, test } from 'vitest'
import { joinPrompt, promptFor } from './prompt.js'

/** A tokenizer to which every word is a token, and a colon belongs to the word behind it. */
const idsOf = (text: string) =>
  Array.from(text.match(/:?[a-z]+|:/g) ?? [], (word) => word.length * 100 + word.charCodeAt(0))

test('a task takes its place in the template, for queries only', () => {
  const prompts = { query: 'Q:', document: 'D:', instruct: 'Do {task} now:' }
  expect(promptFor(prompts, 'query', undefined)).toBe('Q:')
  expect(promptFor(prompts, 'query', '$& this')).toBe('Do $& this now:')
  expect(promptFor(prompts, 'document', 'this')).toBe('D:')
  expect(promptFor({ query: 'Q:', document: 'D:' }, 'query', 'this')).toBe('Q:')
})

test.each([
  ['query: ', 'some words'],
  ['query:', 'some words'],
  ['', 'some words'],
  ['query:', ''],
  ['a a a:', 'a a a'],
])('«%s» before «%s» has the tokens of both as one text', (prompt, text) => {
  const { ids, replaced } = joinPrompt(prompt, text, idsOf)
  const own = idsOf(text)
  expect([...ids, ...own.slice(replaced)]).toEqual(idsOf(prompt + text))
})

test('the prompt’s own tokens are counted', () => {
  expect(joinPrompt('search for: ', 'some words', idsOf).promptLength).toBe(3)
})
