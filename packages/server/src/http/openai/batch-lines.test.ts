import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { Catalog } from '../../catalog/catalog.js'
import type { Job } from '../../jobs/job.js'
import { type InputLine, linesOf } from '../../jobs/lines.js'
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
