import { freemem, totalmem } from 'node:os'
import { Command } from 'commander'
import { DEFAULT_MODEL } from '../catalog/catalog.js'
import { check } from '../catalog/check.js'
import type { Settings } from '../config.js'
import { findRunningServer, prepareHome } from '../home.js'
import { isVideoAvailable } from '../media/sample-frames.js'
import { createHttp } from '../pull/http.js'
import { VERSION } from '../version.js'
import { EXIT, UserError } from './exit.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'
import { withPipeline } from './with-pipeline.js'

/** One thing looked at: what is the case, or why it is wrong. */
interface Finding {
  name: string
  isGood: boolean
  detail: string
}

const MIN_NODE: readonly [number, number] = [20, 19]
const MIN_FREE_BYTES = 512 * 1024 * 1024
const PROBE_TIMEOUT_MS = 2_000
const SPEED_TEXTS = 100

export function doctorCommand(): Command {
  const command = new Command('doctor').description('Check this installation: runtime, model, home, running server.')
  return addSettingsOptions(command).action(async (_options, self: Command) => {
    const settings = settingsOf(self)
    const findings = [
      checkNode(),
      checkMemory(),
      checkHome(settings),
      await checkModel(settings),
      await checkVideo(settings),
      await checkServer(settings),
    ]
    process.stdout.write(`Quiver ${VERSION}\n`)
    for (const { name, isGood, detail } of findings) process.stdout.write(`${isGood ? '✓' : '✗'} ${name}: ${detail}\n`)
    const bad = findings.filter(({ isGood }) => !isGood)
    if (bad.length > 0) throw new UserError(`${bad.length} of ${findings.length} checks failed.`, EXIT.failure)
  })
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isGood = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])
  const wanted = isGood ? '' : `, but ${MIN_NODE.join('.')} or newer is needed`
  return { name: 'Node.js', isGood, detail: `${process.version} on ${process.platform} ${process.arch}${wanted}` }
}

function checkMemory(): Finding {
  const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
  return {
    name: 'Memory',
    isGood: freemem() >= MIN_FREE_BYTES,
    detail: `${gibibytes(freemem())} of ${gibibytes(totalmem())} free`,
  }
}

function checkHome({ home }: Settings): Finding {
  try {
    prepareHome(home)
    return { name: 'Home', isGood: true, detail: `${home} can be written` }
  } catch (error) {
    return { name: 'Home', isGood: false, detail: error instanceof Error ? error.message : String(error) }
  }
}

/** Loading compares the weights' hashes and the canary vectors; then a second or so of work gives the speed. */
async function checkModel(settings: Settings): Promise<Finding> {
  const name = 'Built-in model'
  try {
    const { signal } = new AbortController()
    const startedAt = performance.now()
    const [loadMs, perSecond] = await withPipeline(settings, signal, async (pipeline): Promise<[number, number]> => {
      const loadedAt = performance.now()
      for (let i = 0; i < SPEED_TEXTS; i += 10) {
        const inputs = Array.from(
          { length: 10 },
          (_, j) => `第${i + j}句：秋天的湖面很平静。Sentence ${i + j} of the speed check.`,
        )
        const fields = { inputs: 'texts', dimension: 'dimension' }
        const request = {
          model: DEFAULT_MODEL,
          inputs,
          textType: 'document',
          outputType: 'dense',
          fields,
        } as const
        await pipeline.embed(check(request, pipeline.catalog), { signal })
      }
      return [loadedAt - startedAt, (SPEED_TEXTS / (performance.now() - loadedAt)) * 1000]
    })
    const detail = `verified in ${loadMs.toFixed(0)} ms, ${perSecond.toFixed(0)} short texts a second`
    return { name, isGood: true, detail }
  } catch (error) {
    return { name, isGood: false, detail: error instanceof Error ? error.message : String(error) }
  }
}

/** Good either way: everything but videos works without it. */
async function checkVideo({ ffmpeg }: Settings): Promise<Finding> {
  const isThere = await isVideoAvailable({ ffmpeg, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) }).catch(() => false)
  const missing = `${ffmpeg} is not there or does not run, so videos are refused; install the package ffmpeg, or set QUIVER_FFMPEG`
  return { name: 'Video', isGood: true, detail: isThere ? `decoded by ${ffmpeg}` : missing }
}

async function checkServer({ home }: Settings): Promise<Finding> {
  const running = findRunningServer(home)
  if (running === undefined) return { name: 'Server', isGood: true, detail: 'not running with this home' }
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
    const { status, body } = await createHttp().get(`${running.url}/readyz`, { signal, answerMs: PROBE_TIMEOUT_MS })
    body.destroy()
    const isReady = status === 200
    const state = isReady ? 'ready' : `not ready (HTTP ${status})`
    return { name: 'Server', isGood: isReady, detail: `${running.url}, process ${running.pid}, ${state}` }
  } catch {
    return { name: 'Server', isGood: true, detail: `not running; process ${running.pid} ended without saying so` }
  }
}
