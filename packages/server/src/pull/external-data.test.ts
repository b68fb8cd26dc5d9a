import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { externalDataLocations } from './external-data.js'

const pair = (location: string) =>
  Buffer.concat([Buffer.from('\x0a\x08location\x12', 'latin1'), Buffer.from([location.length]), Buffer.from(location)])

async function locationsIn(content: Buffer): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-graph-'))
  try {
    writeFileSync(join(folder, 'model.onnx'), content)
    return await externalDataLocations(join(folder, 'model.onnx'), new AbortController().signal)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('every location is found once, also at the end of the file', async () => {
  const graph = Buffer.concat([
    Buffer.alloc(50),
    pair('model.onnx_data'),
    pair('Constant_7_attr__value'),
    pair('model.onnx_data'),
  ])
  expect(await locationsIn(graph)).toEqual(['model.onnx_data', 'Constant_7_attr__value'])
})

test('a location is found wherever the blocks of reading cut it', async () => {
  const block = 1 << 20
  for (const before of [1, 3, 10, 12, 15, 20, 26]) {
    expect(await locationsIn(Buffer.concat([Buffer.alloc(block - before), pair('weights.bin')]))).toEqual([
      'weights.bin',
    ])
  }
})

test('what leads out of the folder, or is no name, is none', async () => {
  const graph = Buffer.concat([pair('../secret'), pair('/etc/passwd'), pair('a\0b'), Buffer.from('location')])
  expect(await locationsIn(graph)).toEqual([])
})
