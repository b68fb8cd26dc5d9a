/** Does the binding in this folder load, and find binaries for this machine? Run as a process: `probe.js FOLDER [GPU]`. */
import { loadBinding } from './node-llama-cpp.js'

const [folder = '', gpu] = process.argv.slice(2)
const { getLlama } = await loadBinding(folder)
const llama = await getLlama({
  gpu: gpu === 'metal' ? gpu : false,
  build: 'never',
  progressLogs: false,
  logLevel: 'error',
  maxThreads: 1,
})
await llama.dispose()
process.exit(0)
