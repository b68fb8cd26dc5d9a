import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { QUIVER, REPOSITORY } from '../places.js'
import { isFine, type ServerProcess, startProcess, startServer } from './server-process.js'

/** What the model is called at every server. */
export const MODEL = 'all-minilm-l6-v2'

/** A server of the same weights; or why it is not measured. */
export type PeerServer = { name: string } & ({ server: ServerProcess } | { skipped: string })

/** Everything that is measured, on one processor: the last, and the load comes from the others. */
export interface Peers {
  servers: PeerServer[]
  stop(): Promise<void>
}

/** On one processor, so that every server has the same, however many threads it starts. */
const PINNED = cpus().length > 1 ? ['taskset', '--cpu-list', String(cpus().length - 1)] : []
const ONE_THREAD = {
  OMP_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  RAYON_NUM_THREADS: '1',
  TOKENIZERS_PARALLELISM: 'false',
}

/**
 * Start Quiver in its kinds, and the others that this machine has.
 *
 * - `QUIVER_TEI`: a `text-embeddings-router` built with its ONNX Runtime back end, which gets the library that Quiver uses.
 * - `QUIVER_SENTENCE_TRANSFORMERS`: a Python that has what `sentence_transformers_server.py` asks for.
 * - `QUIVER_SENTENCE_TRANSFORMERS_MODEL`: a folder with the same weights as safetensors.
 * - `QUIVER_INT8`: the model's folder with weights made by `quantize.py`, as `onnx/model_int8.onnx`.
 *
 * @param folder the model as sentence-transformers publishes it, with `onnx/model.onnx`.
 * @param accelerated home with `quiver accelerate`'s library.
 */
export async function startPeers({ folder, accelerated }: { folder: string; accelerated: string }): Promise<Peers> {
  const running: ServerProcess[] = []
  const keep = async (name: string, start: () => Promise<ServerProcess> | string): Promise<PeerServer> => {
    const started = start()
    if (typeof started === 'string') return { name, skipped: started }
    const server = await started
    running.push(server)
    const askedAt = performance.now()
    await embedOnce(server.url)
    return { name, server: { ...server, readyAfterMs: server.readyAfterMs + performance.now() - askedAt } }
  }
  const stop = async () => {
    await Promise.all(running.map((server) => server.stop()))
  }
  const library = resolve(accelerated, 'accelerators') // a link to it lies elsewhere
  const { QUIVER_TEI: tei, QUIVER_SENTENCE_TRANSFORMERS: python, QUIVER_INT8: int8 } = process.env
  const weights = process.env.QUIVER_SENTENCE_TRANSFORMERS_MODEL
  try {
    const servers = [
      await keep('Quiver', () => startQuiver(folder, {})),
      await keep('Quiver, bf16', () =>
        existsSync(library) ? startQuiver(folder, { library }) : `${library} is missing: quiver accelerate`,
      ),
      await keep('Quiver, int8', () =>
        int8 === undefined ? 'QUIVER_INT8 names no folder' : startQuiver(int8, { variant: 'int8' }),
      ),
      await keep('TEI', () => (tei === undefined ? 'QUIVER_TEI names no program' : startTei(tei, folder))),
      await keep('sentence-transformers', () =>
        python === undefined || weights === undefined
          ? 'QUIVER_SENTENCE_TRANSFORMERS and …_MODEL name no Python and no weights'
          : startSentenceTransformers(python, weights),
      ),
    ]
    return { servers, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A server of {@link MODEL} alone, pinned to one processor, its files gone when it has stopped. */
export async function startQuiver(
  folder: string,
  { library, variant }: { library?: string; variant?: string },
): Promise<ServerProcess> {
  const work = mkdtempSync(join(tmpdir(), 'quiver-bench-model-'))
  const [home, source] = [join(work, 'home'), join(work, 'model')]
  mkdirSync(home)
  cpSync(folder, source, { recursive: true })
  rmSync(join(source, 'quiver-model.json'), { force: true }) // a test's; a pull writes its own
  const words = ['pull', `file:${source}`, '--as', MODEL, ...(variant === undefined ? [] : ['--variant', variant])]
  execFileSync(process.execPath, [QUIVER, ...words], { env: { ...process.env, QUIVER_HOME: home }, stdio: 'pipe' })
  if (library !== undefined) symlinkSync(library, join(home, 'accelerators'))
  // 64 callers with 32 texts each wait at once; so that nobody is refused.
  const server = await startServer({ QUIVER_HOME: home, QUIVER_THREADS: '1', QUIVER_MAX_QUEUED_INPUTS: '4096' }, PINNED)
  return {
    ...server,
    async stop() {
      await server.stop()
      rmSync(work, { recursive: true, force: true })
    },
  }
}

/** Texts that may wait in TEI: as many as 64 callers with 32 each send. */
const MANY = ['--max-concurrent-requests', '4096']

async function startTei(program: string, folder: string): Promise<ServerProcess> {
  const requireAsServer = createRequire(join(REPOSITORY, 'packages/server/package.json'))
  const library = join(
    requireAsServer.resolve('onnxruntime-node/package.json'),
    `../bin/napi-v6/${process.platform}/${process.arch}/libonnxruntime.so.1`,
  )
  const port = await freePort()
  const words = ['--model-id', folder, '--served-model-name', MODEL, '--hostname', '127.0.0.1', '--port', String(port)]
  const url = `http://127.0.0.1:${port}`
  return startProcess(
    [
      ...PINNED,
      program,
      ...words,
      '--auto-truncate',
      '--max-client-batch-size',
      '64',
      ...MANY,
      '--prometheus-port',
      '0',
    ],
    {
      // Without these it writes a line a request, and the library keeps a database for its makers: neither is its work.
      environment: { ...ONE_THREAD, ORT_DYLIB_PATH: library, LOG_LEVEL: 'error', ORT_DISABLE_TELEMETRY: '1' },
      url,
      isReady: () => isFine(`${url}/health`),
    },
  )
}

async function startSentenceTransformers(python: string, weights: string): Promise<ServerProcess> {
  const port = await freePort()
  const program = join(REPOSITORY, 'benchmarks/speed/sentence_transformers_server.py')
  const url = `http://127.0.0.1:${port}`
  return startProcess([...PINNED, python, program, weights, String(port)], {
    environment: { ...ONE_THREAD, HF_HUB_OFFLINE: '1' },
    url,
    isReady: () => isFine(`${url}/health`),
  })
}

/** A server is ready when it has answered: some load their model with the first request. */
async function embedOnce(url: string): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: 'Bearer any' }
  const body = JSON.stringify({ model: MODEL, input: ['hello'] })
  const response = await fetch(`${url}/v1/embeddings`, { method: 'POST', headers, body })
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port is free')),
      )
    })
  })
}
