import { createReadStream } from 'node:fs'

/** `DynamicQuantizeLinear` of quantize_dynamic's files, and what onnxruntime makes of it: `DynamicQuantizeMatMul` …. */
const OPERATOR = Buffer.from('DynamicQuantize')

/**
 * Whether a graph rounds what it computes by a scale that it takes from all texts of a run: then a text's vector depends on
 * its neighbours, by as much as a cosine of 0.986 with MiniLM's int8, and each has to be computed alone.
 *
 * @param path of an ONNX file; it names its operators in plain letters.
 */
export async function roundsByRun(path: string, options: { highWaterMark?: number } = {}): Promise<boolean> {
  let before = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20, ...options })) {
    const bytes = Buffer.concat([before, chunk])
    if (bytes.includes(OPERATOR)) return true
    before = bytes.subarray(-(OPERATOR.length - 1)) // the name may lie across two chunks
  }
  return false
}
