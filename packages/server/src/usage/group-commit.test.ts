import { expect, test } from 'vitest'
import { GroupCommit } from './group-commit.js'

test('a lone row is committed at once; those that come meanwhile go together into the next commit', async () => {
  const groups: number[][] = []
  const ends: (() => void)[] = []
  const commits = new GroupCommit<number>((rows) => {
    groups.push([...rows])
    return new Promise((resolve) => ends.push(resolve))
  })
  const done: number[] = []
  const added = [1, 2, 3].map((row) => commits.add(row).then(() => done.push(row)))
  expect(groups).toEqual([[1]])
  ends[0]?.()
  await added[0]
  expect(done).toEqual([1])
  expect(groups).toEqual([[1], [2, 3]])
  ends[1]?.()
  await commits.drain()
  await Promise.all(added)
  expect(done).toEqual([1, 2, 3])
})

test('a commit that fails fails its own rows only', async () => {
  let isFull = true
  const commits = new GroupCommit<string>(async () => {
    if (isFull) throw new Error('the disk is full')
  })
  await expect(commits.add('first')).rejects.toThrow('the disk is full')
  isFull = false
  await commits.add('second')
})

test('a group has no more rows than a statement may', async () => {
  const sizes: number[] = []
  const commits = new GroupCommit<number>(async (rows) => {
    sizes.push(rows.length)
  })
  await Promise.all(Array.from({ length: 1201 }, (_, row) => commits.add(row)))
  expect(sizes).toEqual([1, 500, 500, 200])
})
