import type { AnyEngine, EngineSpec } from '../embedding/running-engines.js'
import type { Batching, Pass, RawEmbedding } from '../engines/engine.js'
import type { CaptionTokens, MultimodalEngine } from '../engines/multimodal-engine.js'
import type { Picture } from '../media/picture.js'

/** What one vector is computed of. */
export type Sight = { caption: CaptionTokens } | { picture: Picture }

/** A multimodal engine as the batcher takes engines: every picture and every text is one pass. */
export interface BatchedMultimodalEngine extends AnyEngine {
  readonly inner: MultimodalEngine
}

/**
 * Few, since a waiting picture takes megabytes; a call of as many has enough to do for every core. Two calls, so that one is
 * made ready while the other computes.
 */
const BATCHING: Batching = {
  maxPasses: 8,
  maxPaddedTokens: Number.POSITIVE_INFINITY,
  isPadded: false,
  concurrency: 2,
}

class SightPass implements Pass {
  readonly tokens: number
  readonly textTokens: number

  constructor(readonly sight: Sight) {
    this.tokens = 'caption' in sight ? sight.caption.ids.length : 1
    this.textTokens = this.tokens
  }
}

export function passOf(sight: Sight): Pass {
  return new SightPass(sight)
}

/** The same engine, with passes instead of two kinds of calls. */
export function inPasses(spec: EngineSpec<MultimodalEngine>): EngineSpec<BatchedMultimodalEngine> {
  return { ...spec, start: async (signal) => withPasses(await spec.start(signal)) }
}

export function withPasses(engine: MultimodalEngine): BatchedMultimodalEngine {
  return {
    inner: engine,
    id: engine.id,
    get isUp() {
      return engine.isUp
    },
    batching: BATCHING,
    embed: (passes, options) => embedPasses(engine, passes, options),
    close: () => engine.close(),
  }
}

/** One call for the texts and one for the pictures, answered in the order of the passes. */
async function embedPasses(
  engine: MultimodalEngine,
  passes: readonly Pass[],
  { signal }: { signal: AbortSignal },
): Promise<RawEmbedding[]> {
  const sights = passes.map(sightOf)
  const captions = sights.flatMap((sight) => ('caption' in sight ? [sight.caption] : []))
  const pictures = sights.flatMap((sight) => ('picture' in sight ? [sight.picture] : []))
  const [ofCaptions, ofPictures] = await Promise.all([
    captions.length === 0 ? [] : engine.embedTexts(captions, { signal }),
    pictures.length === 0 ? [] : engine.embedPictures(pictures, { signal }),
  ])
  const [nextCaption, nextPicture] = [ofCaptions.values(), ofPictures.values()]
  return sights.map((sight) => {
    const { value: dense } = ('caption' in sight ? nextCaption : nextPicture).next()
    if (dense === undefined) throw new TypeError(`${engine.id} returned fewer vectors than it was given inputs`)
    return { dense }
  })
}

function sightOf(pass: Pass): Sight {
  if (pass instanceof SightPass) return pass.sight
  throw new TypeError('a multimodal engine computes passes of passOf() only')
}
