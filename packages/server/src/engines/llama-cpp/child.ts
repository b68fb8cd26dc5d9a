/**
 * The process of one GGUF model: llama.cpp by way of node-llama-cpp, from the folder where it was installed.
 *
 * Passes are computed one after the other, in a thread of the binding; tokenising goes on meanwhile.
 */
import { serveChild } from '../child/serve-child.js'
import { joinPrompt } from '../pulled/prompt.js'
import type { LlamaJob, LlamaReport, LlamaResult, LlamaSetup, TokenizeJob, TokenizeResult } from './child-protocol.js'
import { Contexts } from './contexts.js'
import { type Llama, type LlamaModel, loadBinding } from './node-llama-cpp.js'

let llama: Llama | undefined
let model: LlamaModel | undefined
let contexts: Contexts | undefined
/** Passes follow each other. */
let turn: Promise<unknown> = Promise.resolve()

serveChild<LlamaSetup, LlamaReport, LlamaJob, LlamaResult>({
  async load(setup) {
    const { getLlama } = await loadBinding(setup.engineFolder)
    const { gpu, threads, passTokens, isDivisible, frame } = setup
    llama = await getLlama({ gpu, build: 'never', progressLogs: false, logLevel: 'error', maxThreads: threads })
    model = await llama.loadModel({
      modelPath: setup.modelPath,
      // Read by llama.cpp in place of what the file says. The special tokens are put around texts here, once.
      metadataOverrides: {
        [setup.architecture]: { pooling_type: setup.poolingType },
        tokenizer: { ggml: { add_bos_token: false, add_eos_token: false } },
      },
      defaultContextFlashAttention: 'auto',
    })
    contexts = new Contexts({ model, threads, passTokens, isDivisible })
    const { length } = await contexts.embed([...frame.before, ...model.tokenize('warm', false), ...frame.after])
    return { dimension: length }
  },
  run(job) {
    if (job.kind === 'tokenize') return Promise.resolve(tokenize(job))
    const done = turn.then(() => {
      if (contexts === undefined) throw new TypeError('the model is not loaded')
      return contexts.embed(Array.from(job.ids))
    })
    turn = done.catch(() => {})
    return done
  },
  async close() {
    await contexts?.close()
    await model?.dispose()
    await llama?.dispose()
  },
})

function tokenize({ text, prompt, maxTokens, keep }: TokenizeJob): TokenizeResult {
  // Names of special tokens in a text stay text: a caller cannot end it early, nor speak with the model's own marks.
  const idsOf = (part: string) => {
    if (model === undefined) throw new TypeError('the model is not loaded')
    return model.tokenize(part, false)
  }
  const all = idsOf(text)
  const ids = Int32Array.from(keep === 'start' ? all.slice(0, maxTokens) : all.slice(-maxTokens))
  return {
    ids,
    isOverLimit: all.length > maxTokens,
    promptIds: Int32Array.from(idsOf(prompt)),
    joint: joinPrompt(prompt, text, idsOf),
  }
}
