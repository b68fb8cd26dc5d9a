import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { TEST_MODEL } from '../../catalog/batch.js'
import { Catalog } from '../../catalog/catalog.js'
import type { Job } from '../../jobs/job.js'
import { type InputLine, linesOf } from '../../jobs/lines.js'
import { planLines } from '../plan-lines.suite.js'
import { createBatchLines } from './batch-lines.js'

const format = createBatchLines({ catalog: new Catalog(), detokenize: async (request) => request as never })
const ENDPOINT = '/v1/embeddings'
const job = (endpoint: string) =>
  ({
    id: 'batch_1',
    createdAt: new Date(0),
    options: { endpoint, completionWindow: '24h', metadata: null },
  }) as unknown as Job // all that the format reads of it
const lineOf = (id: string, more: object = {}) =>
  JSON.stringify({
    custom_id: id,
    method: 'POST',
    url: ENDPOINT,
    body: { model: 'text-embedding-v4', input: id },
    ...more,
  })

async function read(text: string): Promise<InputLine[]> {
  const { maxLineBytes } = format.limits
  return (await Readable.from(linesOf(Readable.from([Buffer.from(text)]), { maxLineBytes })).toArray()).flat()
}

async function survey(text: string, endpoint = ENDPOINT) {
  const lines = await read(text)
  const survey = format.survey(job(endpoint))
  const counted = lines.filter((line) => survey.add(line)).length
  return { counted, ...survey.finish() }
}

test('a byte order mark, and lines without anything on them, are no requests', async () => {
  const text = `\ufeff${lineOf('a')}\r\n\r\n  \n${lineOf('b')}\n\n`
  expect(await survey(text)).toEqual({ counted: 2, model: 'text-embedding-v4', faults: [] })
  const works = await Promise.all((await read(text)).map((line) => format.read(line, job(ENDPOINT))))
  expect(works.map((work) => work !== undefined)).toEqual([true, false, false, true, false])
  expect(works[0]?.request).toMatchObject({ inputs: ['a'] })
  const fault = { code: 'invalid_json_line', line: 4 }
  expect((await survey(`\ufeff\n${lineOf('a')}\n\n{`)).faults).toMatchObject([fault])
})

const MEGABYTE = 1024 * 1024
const plan = (lines: Iterable<string | Buffer>, endpoint = ENDPOINT) => planLines(format, { job: job(endpoint), lines })
const requests = function* (count: number, more: object = {}) {
  for (let i = 0; i < count; i++) yield `${lineOf(String(i), more)}\n`
}
/** A request of this many bytes. */
const padded = (bytes: number) => {
  const bare = lineOf('a', { pad: '' })
  return lineOf('a', { pad: 'x'.repeat(bytes - bare.length) })
}

describe('the limits of a batch', () => {
  test('50,000 lines', async () => {
    expect(await plan(requests(50_000))).toMatchObject({ totalLines: 50_000 })
    expect(await plan([...requests(50_000), '\n\n'])).toMatchObject({ totalLines: 50_000 })
    expect(await plan(requests(50_001))).toEqual([expect.objectContaining({ code: 'too_many_lines' })])
    expect(await plan([lineOf('a'), '\n'.repeat(100_001)])).toEqual([
      expect.objectContaining({ code: 'too_many_lines' }),
    ])
  })

  test('6 MB a line', async () => {
    expect(await plan([padded(6 * MEGABYTE)])).toMatchObject({ totalLines: 1 })
    expect(await plan([`${lineOf('b')}\n`, padded(6 * MEGABYTE + 1)])).toMatchObject([
      { code: 'line_too_large', line: 2 },
    ])
  })

  test('500 MB a file', async () => {
    const megabyte = Buffer.alloc(MEGABYTE, '\n')
    const full = Array<Buffer>(500).fill(megabyte)
    expect(await plan([...full, Buffer.from('\n')])).toMatchObject([{ code: 'file_too_large' }])
    // As many bytes are taken in; it is the lines that are too many then.
    expect(await plan(full)).toMatchObject([{ code: 'too_many_lines' }])
  }, 120_000)

  test('100 lines and 1 MB for the test model', async () => {
    const [endpoint, url] = [TEST_MODEL.endpoint, TEST_MODEL.endpoint]
    const more = { url, body: { model: TEST_MODEL.id } }
    expect(await plan(requests(100, more), endpoint)).toMatchObject({ totalLines: 100 })
    expect(await plan(requests(101, more), endpoint)).toMatchObject([{ code: 'too_many_lines' }])
    const large = [...requests(2, { ...more, pad: 'x'.repeat(MEGABYTE / 2) })]
    expect(await plan(large, endpoint)).toMatchObject([{ code: 'file_too_large' }])
    expect(await plan(requests(1), endpoint)).toMatchObject([{ code: 'invalid_url' }, { code: 'model_not_found' }])
  })
})
