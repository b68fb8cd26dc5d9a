import type { MultimodalModel, Vectors } from './catalog/multimodal-model.js'
import { toMultimodalModel, toTextModel } from './catalog/pulled-models.js'
import type { TextModel } from './catalog/text-model.js'
import type { Settings } from './config.js'
import type { EngineSpec, FindEngine } from './embedding/running-engines.js'
import { BUILTIN_ID, BUILTIN_LARGE_ID, startBuiltinEngine } from './engines/builtin/engine.js'
import { BUILTIN_LARGE_WEIGHTS, BUILTIN_WEIGHTS, loadManifest } from './engines/builtin/weights.js'
import { BUILTIN_IMAGE_ID, startBuiltinImageEngine } from './engines/builtin-image/engine.js'
import { BUILTIN_IMAGE_WEIGHTS, loadImageManifest } from './engines/builtin-image/weights.js'
import type { Engine } from './engines/engine.js'
import { startLlamaCppEngine } from './engines/llama-cpp/engine.js'
import type { MultimodalEngine } from './engines/multimodal-engine.js'
import { findAccelerator } from './engines/onnx/accelerator.js'
import { startOnnxEngine } from './engines/onnx/engine.js'
import { startOnnxMultimodalEngine } from './engines/onnx-multimodal/engine.js'
import { startUpstreamEngine } from './engines/upstream/engine.js'
import { listModels, type StoredModel } from './pull/model-store.js'
import { type EngineKind, modalityOf } from './pull/pulled-model.js'
import { readServing } from './serving-file.js'
import { createLog, type Logger } from './telemetry/log.js'

// For commands that need one by itself: only the composition root knows concrete engines.
export { AcceleratorError, installAccelerator, multipliesBfloat16 } from './engines/onnx/accelerator.js'
export { openRemoteModel } from './engines/upstream/remote-model.js'

/** The part of the settings that engines need. */
export type EngineSettings = Pick<Settings, 'home' | 'threads' | 'engines'>

export interface MultimodalSpec extends Omit<EngineSpec<MultimodalEngine>, 'start'>, Vectors {
  /** @param find for one that reads its texts with an engine of texts. */
  start(signal: AbortSignal, find: FindEngine): Promise<MultimodalEngine>
}

/** Every engine of an installation, and the models that come with pulled ones. */
export interface Engines {
  specs: EngineSpec[]
  /** Those that see. */
  multimodal: MultimodalSpec[]
  /** The public faces of pulled models, under their own names. */
  pulled: TextModel[]
  /** The same of those that see. */
  pulledMultimodal: MultimodalModel[]
  /** Names that two engines have. */
  mistakes: string[]
}

/**
 * Which engines there are: our own, other servers that the configuration names, and pulled models.
 *
 * Fast: starts none. A pulled model starts with the server where it is behind a public name, else with the first request
 * for it.
 */
export async function assembleEngines(settings: EngineSettings, log: Logger = createLog('warn')): Promise<Engines> {
  const { home, threads, engines } = settings
  const [{ output }, large, image] = await Promise.all([
    loadManifest(BUILTIN_WEIGHTS),
    loadManifest(BUILTIN_LARGE_WEIGHTS),
    loadImageManifest(BUILTIN_IMAGE_WEIGHTS),
  ])
  const builtin: EngineSpec = {
    id: BUILTIN_ID,
    dimension: output.shape[1],
    startsWith: 'required',
    start: (signal) => startBuiltinEngine({ threads, signal }),
  }
  const served = new Set(Object.values(readServing(home)))
  const builtinLarge: EngineSpec = {
    id: BUILTIN_LARGE_ID,
    dimension: large.output.shape[1],
    // Nobody pays for its memory who does not ask for it.
    startsWith: served.has(BUILTIN_LARGE_ID) ? 'server' : 'demand',
    start: (signal) => startBuiltinEngine({ id: BUILTIN_LARGE_ID, folder: BUILTIN_LARGE_WEIGHTS, threads, signal }),
  }
  const builtinImage: MultimodalSpec = {
    id: BUILTIN_IMAGE_ID,
    dimension: image.dimension,
    isMatryoshka: true,
    // Nobody who embeds texts only pays for its memory.
    startsWith: 'demand',
    start: async (signal, find) =>
      startBuiltinImageEngine({ threads, textEngine: (await find(BUILTIN_ID, signal)).engine, signal }),
  }
  const upstream = Object.entries(engines).map(
    ([id, entry]): EngineSpec => ({
      id,
      dimension: entry.dimension,
      startsWith: 'server',
      start: () => startUpstreamEngine({ id, entry, log }),
    }),
  )
  const stored = listModels(home).models
  const pulled = pulledEngines(stored, served, settings)
  const mistakes = Object.keys(engines).flatMap((id) => {
    if (id === BUILTIN_ID || id === BUILTIN_LARGE_ID) return [`engines.${id}: is a built-in engine's id.`]
    return stored.some(({ model }) => model.name === id) ? [`engines.${id}: is the name of a pulled model.`] : []
  })
  return {
    specs: [builtin, builtinLarge, ...upstream, ...pulled.text],
    multimodal: [builtinImage, ...pulled.multimodal],
    pulled: pulled.models.text.map(toTextModel),
    pulledMultimodal: pulled.models.multimodal.map(toMultimodalModel),
    mistakes,
  }
}

/** Those of texts, and those that see. */
function pulledEngines(stored: readonly StoredModel[], served: ReadonlySet<string>, settings: EngineSettings) {
  const { home, threads } = settings
  const isServed = ({ model }: StoredModel) => served.has(model.name)
  const ofKind = (kind: ReturnType<typeof modalityOf>) => stored.filter(({ model }) => modalityOf(model) === kind)
  const [texts, seeing] = [ofKind('text'), ofKind('multimodal')]
  const accelerator = findAccelerator(home)
  return {
    models: { text: texts.map(({ model }) => model), multimodal: seeing.map(({ model }) => model) },
    text: texts.map((one) => {
      const start = (signal: AbortSignal) => START[one.model.engine](one.folder, settings, signal)
      return pulledSpec(one, { isServed: isServed(one), start })
    }),
    multimodal: seeing.map((one): MultimodalSpec => {
      const { model, folder } = one
      const start = (signal: AbortSignal) => startOnnxMultimodalEngine({ folder, threads, accelerator, signal })
      const isMatryoshka = model.towers?.facts?.isMatryoshka ?? false
      return { ...pulledSpec(one, { isServed: isServed(one), start }), isMatryoshka }
    }),
  }
}

function pulledSpec<Kind extends Pick<Engine, 'dimension' | 'close'>>(
  { model }: StoredModel,
  { isServed, start }: { isServed: boolean; start: (signal: AbortSignal) => Promise<Kind> },
): EngineSpec<Kind> {
  return {
    id: model.name,
    dimension: model.dimension,
    startsWith: isServed ? 'server' : 'demand',
    async start(signal) {
      const engine = await start(signal)
      if (engine.dimension === model.dimension) return engine
      await engine.close()
      throw new TypeError(`${model.name} computes ${engine.dimension} components; it was pulled as ${model.dimension}.`)
    },
  }
}

const START: Readonly<
  Record<EngineKind, (folder: string, settings: EngineSettings, signal: AbortSignal) => Promise<Engine>>
> = {
  onnx: (folder, { home, threads }, signal) =>
    startOnnxEngine({ folder, threads, accelerator: findAccelerator(home), signal }),
  'llama-cpp': (folder, { home, threads }, signal) => startLlamaCppEngine({ folder, home, threads, signal }),
}
