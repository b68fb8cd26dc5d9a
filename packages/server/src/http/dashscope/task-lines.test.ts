import { expect, test } from 'vitest'
import { Catalog } from '../../catalog/catalog.js'
import type { Job } from '../../jobs/job.js'
import { planLines } from '../plan-lines.suite.js'
import { createTaskLines } from './task-lines.js'

const format = createTaskLines(new Catalog())
const job = { id: 't-1', model: 'text-embedding-async-v2', options: {} } as unknown as Job // all that planning reads of it
const plan = (lines: Iterable<string | Buffer>, name?: string) =>
  planLines(format, { job, lines, ...(name !== undefined && { name }) })

test('a task has 100,000 lines, blank ones among them', async () => {
  expect(await plan(['a\n', '\n'.repeat(99_999)])).toMatchObject({ totalLines: 100_000 })
  expect(await plan(['a\n', '\n'.repeat(100_000)])).toMatchObject([{ code: 'InvalidFile.TooLarge' }])
})

test('a task has 200 MB', async () => {
  const megabyte = Buffer.alloc(1024 * 1024, `${'x'.repeat(16 * 1024 - 1)}\n`)
  const full = Array<Buffer>(200).fill(megabyte)
  expect(await plan(full)).toMatchObject({ totalLines: 200 * 64 })
  const [fault] = (await plan([...full, Buffer.from('x')])) as { code: string; message: string }[] // checked below
  expect(fault).toMatchObject({ code: 'InvalidFile.TooLarge' })
  expect(fault?.message).toContain('209715200 bytes')
}, 120_000)

test.each([
  ['picture.png', [{ code: 'InvalidFile.TypeNotTxt' }]],
  ['LINES.TXT', { totalLines: 1 }],
  ['lines', { totalLines: 1 }],
])('a file named %s', async (name, outcome) => {
  expect(await plan(['a'], name)).toMatchObject(outcome)
})
