import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { roundsByRun } from './rounds-by-run.js'

const folder = mkdtempSync(join(tmpdir(), 'quiver-rounds-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each([1, 3, 7, 16, 1000])(
  'the operator is found wherever it lies, in chunks of %i bytes',
  async (highWaterMark) => {
    const path = join(folder, 'int8.onnx')
    for (let at = 0; at < 20; at++) {
      writeFileSync(path, `${'x'.repeat(at)}DynamicQuantizeLinear${'y'.repeat(9)}`)
      expect(await roundsByRun(path, { highWaterMark }), String(at)).toBe(true)
    }
    writeFileSync(path, 'DynamicQuantiseLinear, QuantizeLinear, MatMulNBits')
    expect(await roundsByRun(path, { highWaterMark })).toBe(false)
  },
)
