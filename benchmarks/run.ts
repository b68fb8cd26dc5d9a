/** `npm run bench [-- <name> [options]]`: one benchmark, or all of them one after the other. */
import { refuseTelemetry } from '@quiver/server/dist/engines/no-telemetry.js'
import { quality } from './quality/run.js'
import { builtinImage } from './speed/builtin-image.js'
import { engine } from './speed/engine.js'
import { files } from './speed/files.js'
import { gateway } from './speed/gateway.js'
import { http } from './speed/http.js'
import { install } from './speed/install.js'
import { jobs } from './speed/jobs.js'
import { llamaCpp } from './speed/llama-cpp.js'
import { media } from './speed/media.js'
import { onnx } from './speed/onnx.js'
import { peers } from './speed/peers.js'
import { soak } from './speed/soak.js'
import { startup } from './speed/startup.js'
import { wire } from './speed/wire.js'

const BENCHMARKS: Readonly<Record<string, (words: readonly string[]) => Promise<void>>> = {
  quality,
  engine,
  http,
  onnx,
  wire,
  files,
  jobs,
  media,
  gateway,
  'builtin-image': builtinImage,
  startup,
  install,
}

/** Those that need a model which is not here. */
const ON_REQUEST: typeof BENCHMARKS = { 'llama-cpp': llamaCpp, peers, soak }

refuseTelemetry()
const [name, ...words] = process.argv.slice(2)
const chosen = name === undefined || name === 'all' ? Object.values(BENCHMARKS) : [BENCHMARKS[name] ?? ON_REQUEST[name]]
for (const benchmark of chosen) {
  if (benchmark === undefined) {
    throw new TypeError(
      `no benchmark is called ${name}; there are ${Object.keys({ ...BENCHMARKS, ...ON_REQUEST }).join(', ')} and all`,
    )
  }
  await benchmark(words)
}
