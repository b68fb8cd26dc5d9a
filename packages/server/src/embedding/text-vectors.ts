import { hash } from 'node:crypto'
import type { SparseTerm } from '@quiver/protocol'
import { LRUCache } from 'lru-cache'
import type { Engine, PreparedText, PrepareOptions, RawEmbedding } from '../engines/engine.js'
import { shorten, weightedMean } from '../vector/vector.js'
import type { Claim } from './batcher.js'
import type { RunningEngine } from './running-engines.js'
import { SingleFlight } from './single-flight.js'

/** A text and what the engine is to make of it. */
export interface TextToEmbed {
  text: string
  prepared: PreparedText
  options: Omit<PrepareOptions, 'signal'>
}

/** The whole vector of a text: all the engine's components, not normalised. */
export type EmbedText = (running: RunningEngine, text: TextToEmbed, claim: Claim) => Promise<RawEmbedding>

/** Of an entry, besides its numbers: key, objects, links. */
const ENTRY_OVERHEAD_BYTES = 300

/**
 * Texts → whole vectors, each text computed once: those in flight are shared, those computed before are remembered while
 * they fit into `cacheBytes`.
 *
 * The key is everything that makes the vector: the engine's identity, use, instruct, cut, and the text itself; and the
 * caller, so that nobody can tell from an answer's speed what others have embedded. Every text is looked up by itself, so
 * no mix of hits and misses can put a vector in another's place. The dimension is no part of it: shorter vectors are
 * prefixes of the one that is kept.
 *
 * @param options.cacheBytes 0 remembers nothing.
 */
export function createEmbedText({ cacheBytes }: { cacheBytes: number }): EmbedText {
  const flights = new SingleFlight<RawEmbedding>()
  const cache =
    cacheBytes === 0 ? undefined : new LRUCache<string, RawEmbedding>({ maxSize: cacheBytes, sizeCalculation: bytesOf })
  return async (running, text, claim) => {
    const key = keyOf(running.engine, text, claim)
    const known = cache?.get(key)
    if (known !== undefined) return known
    const raw = await flights.run(`${claim.priority} ${key}`, claim.signal, (signal) =>
      compute(running, text.prepared, { ...claim, signal }),
    )
    cache?.set(key, raw)
    return raw
  }
}

/** One pass's own vector, or the mean of the windows' unit vectors, each counted by its tokens. */
async function compute(
  { engine, batcher }: RunningEngine,
  { passes }: PreparedText,
  claim: Claim,
): Promise<RawEmbedding> {
  const raw = await Promise.all(passes.map((pass) => batcher.run(pass, claim)))
  const [only] = raw
  if (only !== undefined && raw.length === 1) return only
  const dense = weightedMean(
    raw.map((window) => shorten(window.dense, engine.dimension)),
    passes.map(({ textTokens }) => textTokens),
  )
  return raw.some(({ sparse }) => sparse !== undefined) ? { dense, sparse: strongest(raw) } : { dense }
}

/** Terms of all windows, each with its greatest value, as the model itself does it over the tokens of one window. */
function strongest(windows: readonly RawEmbedding[]): SparseTerm[] {
  const terms = new Map<number, SparseTerm>()
  for (const term of windows.flatMap(({ sparse = [] }) => sparse)) {
    if (term.value > (terms.get(term.index)?.value ?? 0)) terms.set(term.index, term)
  }
  return [...terms.values()].sort((a, b) => a.index - b.index)
}

function keyOf(engine: Engine, { text, prepared, options }: TextToEmbed, { caller }: Claim): string {
  const { textType, instruct = '', maxTokens, keep } = options
  const cut = prepared.isOverLimit ? [keep, maxTokens] : []
  // Lone surrogates would all hash like U+FFFD; that is also how every tokenizer reads them.
  return hash('sha256', JSON.stringify([engine.identity, caller, textType, instruct, cut, text.toWellFormed()]))
}

function bytesOf({ dense, sparse = [] }: RawEmbedding): number {
  return dense.byteLength + sparse.length * ENTRY_OVERHEAD_BYTES + ENTRY_OVERHEAD_BYTES
}
