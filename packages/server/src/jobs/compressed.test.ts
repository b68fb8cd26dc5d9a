import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { compressed } from './compressed.js'

async function* lines(failure?: Error) {
  yield Buffer.from('0.125,')
  await sleep(1)
  if (failure !== undefined) throw failure
  yield Buffer.from('-0.5')
}

async function read(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return gunzipSync(Buffer.concat(chunks)).toString()
}

test('what goes in comes out of the gzip', async () => {
  expect(await read(compressed(lines()))).toBe('0.125,-0.5')
})

test('an error of the source is the one that its reader is told', async () => {
  await expect(read(compressed(lines(new Error('the engine is gone'))))).rejects.toThrow('the engine is gone')
})

test('an error that comes when nobody reads ends nothing', async () => {
  const bytes = compressed(lines(new Error('aborted')))
  await sleep(50) // without a listener it would be an uncaught exception, which fails the run
  await expect(read(bytes)).rejects.toThrow('aborted')
})
