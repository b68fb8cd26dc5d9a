import { expect, test } from 'vitest'
import { groups } from './groups.js'

const all = async (texts: Iterable<string>, size: number) => {
  const found = []
  for await (const group of groups(texts, size)) found.push(group)
  return found
}

test('texts are split into groups that know where they began', async () => {
  expect(await all(['a', 'b', 'c', 'd', 'e'], 2)).toEqual([
    { offset: 0, texts: ['a', 'b'] },
    { offset: 2, texts: ['c', 'd'] },
    { offset: 4, texts: ['e'] },
  ])
})

test('a last group that is full is not followed by an empty one', async () => {
  expect(await all(['a', 'b'], 2)).toEqual([{ offset: 0, texts: ['a', 'b'] }])
  expect(await all([], 2)).toEqual([])
})

test('no more is read than one group needs', async () => {
  let read = 0
  function* endless() {
    for (;;) yield String(read++)
  }
  await groups(endless(), 3).next()
  expect(read).toBe(3)
})
