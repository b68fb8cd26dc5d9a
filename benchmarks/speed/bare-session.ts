import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { BUILTIN_WEIGHTS } from '@quiver/server/dist/engines/builtin/weights.js'
import { REPOSITORY } from '../places.js'

/** The network alone: ids in, raw vector out, on the calling thread. What is left to gain lies outside of it. */
export interface BareSession {
  /** The whole sequence of a document: special ids, prompt, text. */
  toSequence(ids: Int32Array): Int32Array
  run(sequence: Int32Array): Promise<void>
  close(): Promise<void>
}

/** The part of onnxruntime-node that is used here. */
interface OnnxRuntime {
  InferenceSession: {
    create(path: string, options: object): Promise<{ run(inputs: object): Promise<unknown>; release(): Promise<void> }>
  }
  Tensor: new (type: 'int64', data: BigInt64Array, shape: readonly number[]) => object
}

/** With the options of packages/server/src/engines/builtin/worker.ts. */
export async function openBareSession(): Promise<BareSession> {
  const manifest = JSON.parse(readFileSync(join(BUILTIN_WEIGHTS, 'manifest.json'), 'utf8')) as {
    special: { bos: number; eos: number }
    prompts: { document: { ids: number[] } }
  } // the server checks the same file
  const { special, prompts } = manifest
  // The server's own copy, so that both ways run the same code.
  const requireAsServer = createRequire(join(REPOSITORY, 'packages/server/package.json'))
  const { InferenceSession, Tensor } = requireAsServer('onnxruntime-node') as OnnxRuntime
  const session = await InferenceSession.create(join(BUILTIN_WEIGHTS, 'model.onnx'), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableMemPattern: false,
  })
  return {
    toSequence: (ids) => Int32Array.from([special.bos, ...prompts.document.ids, ...ids, special.eos]),
    async run(sequence) {
      const input = new Tensor('int64', BigInt64Array.from(sequence, BigInt), [1, sequence.length])
      await session.run({ input_ids: input })
    },
    close: () => session.release(),
  }
}
