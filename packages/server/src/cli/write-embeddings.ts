import { ApiError, type EmbedRequest, ERRORS, invalidInput } from '@quiver/protocol'
import type { Pipeline, PipelineSettings } from '../assemble.js'
import { check } from '../catalog/check.js'
import { spaceOf } from '../embedding/space.js'
import { withLock } from '../lock.js'
import { isSystemError, UserError } from './exit.js'
import { refusedBy } from './part-file.js'
import { createProgress } from './progress.js'
import { type Line, readLines } from './read-lines.js'
import { checkFormat, type Encoding, openVectorFile, type VectorFormat } from './vector-file.js'
import type { VectorFile, VectorRow } from './vector-row.js'
import { withPipeline } from './with-pipeline.js'

/** What a run is asked for. */
export interface Wanted {
  model: string
  file?: string
  dimension?: number
  textType: 'query' | 'document'
  format: VectorFormat
  encoding: Encoding
  output?: string
  skipEmpty?: boolean
}

/** What must be the same for a later run to go on, besides the space of the vectors. */
export type RunFacts = Readonly<Record<string, unknown>>

interface Run {
  options: Wanted
  settings: PipelineSettings
  /** Absent where nothing is kept of a run that did not finish. */
  runFacts: RunFacts | undefined
  /** Lines, where that is known. */
  total: number | undefined
  signal: AbortSignal
}

/** Requests in flight: enough that no worker waits for the next batch to be read. */
const CONCURRENT_REQUESTS = 4
/** Work that a crash may cost. */
const CHECKPOINT_MS = 500

/**
 * Embed lines into the output, from where an earlier run of the same facts, in the same space, stopped.
 *
 * @throws {UserError} for lines that have no vector, an output that cannot be written, or that another run is writing.
 */
export async function writeEmbeddings(lines: AsyncIterable<Line>, run: Run): Promise<void> {
  const { output } = run.options
  if (output === undefined) return writeAlone(lines, run)
  const busy = new UserError(`${output} is being written by another run; wait for it, or end it.`)
  // Two runs that write one file would mix their vectors.
  await withLock(`${output}.part.lock`, { busy, isRemoved: true }, () => writeAlone(lines, run)).catch((error) =>
    isSystemError(error) ? refusedBy(output)(error) : Promise.reject(error),
  )
}

async function writeAlone(lines: AsyncIterable<Line>, run: Run): Promise<void> {
  const { options, settings, runFacts, signal } = run
  checkFormat(options)
  try {
    await withPipeline(settings, signal, async (pipeline) => {
      // A model that was replaced since has vectors of another space, which must not follow those of the first one.
      const resumeKey = runFacts && JSON.stringify({ ...runFacts, space: await spaceOfRun(options, pipeline, signal) })
      const output = await openVectorFile({ ...options, ...(resumeKey !== undefined && { resumeKey }) })
      await writeTo(output, lines, { ...run, pipeline })
    })
  } catch (error) {
    throw error instanceof ApiError ? new UserError(withoutWirePrefix(error.message)) : error
  }
}

async function writeTo(
  output: VectorFile,
  lines: AsyncIterable<Line>,
  { options, runFacts, total, signal, pipeline }: Run & { pipeline: Pipeline },
): Promise<void> {
  const progress = createProgress('embedding', total)
  try {
    if (runFacts !== undefined) await checkLengths(options, pipeline, signal)
    const left = linesFrom(lines, output.linesDone)
    let savedAtMs = performance.now()
    for await (const group of groupsOf(left, pipeline.catalog.get(options.model).maxInputs * CONCURRENT_REQUESTS)) {
      for (const row of await embedGroup(group, { options, pipeline, signal })) await output.write(row)
      progress.add(group.length)
      const isDue = performance.now() - savedAtMs > CHECKPOINT_MS
      if (isDue || signal.aborted) await output.checkpoint((group.at(-1)?.index ?? 0) + 1)
      if (isDue) savedAtMs = performance.now()
      signal.throwIfAborted()
    }
    await output.finish()
  } catch (error) {
    if (runFacts === undefined || isInputAtFault(error)) await output.discard()
    else await output.suspend()
    throw error
  } finally {
    progress.stop()
  }
}

/** Of every vector that the run will write. @throws {ApiError} for what cannot be asked for. */
async function spaceOfRun(options: Wanted, pipeline: Pipeline, signal: AbortSignal): Promise<string> {
  const request = check(toRequest([{ index: 0, text: 'any' }], options), pipeline.catalog)
  const { engine } = await pipeline.engines.find(request.model.engine, signal)
  return spaceOf(engine, request)
}

/** Then the file must be changed, and what there is of its vectors is of no use; a full disk or a lost engine passes. */
function isInputAtFault(error: unknown): boolean {
  return error instanceof ApiError && ERRORS[error.row][0] < 500
}

/**
 * Find a line that is too long before the hours of those in front of it. A token is a byte or more, so that only lines with
 * more bytes than a text may have tokens are counted.
 */
async function checkLengths(options: Wanted, pipeline: Pipeline, signal: AbortSignal): Promise<void> {
  const { engine: id, maxInputTokens, overlong } = pipeline.catalog.get(options.model)
  if (overlong !== 'error') return
  const { textType } = options
  const { engine } = await pipeline.engines.find(id, signal)
  for await (const { index, text } of readLines([], options).lines) {
    if (Buffer.byteLength(text) <= maxInputTokens) continue
    const { isOverLimit } = await engine.prepare(text, { textType, maxTokens: maxInputTokens, keep: 'start', signal })
    if (isOverLimit) throw invalidInput(`text ${index} (from 0) has more than ${maxInputTokens} tokens.`, 'text')
  }
}

async function* linesFrom(lines: AsyncIterable<Line>, first: number): AsyncGenerator<Line> {
  for await (const line of lines) if (line.index >= first) yield line
}

/** The live service's preamble means nothing on a command line. */
function withoutWirePrefix(message: string): string {
  return message.replace(/^Value error, /, '')
}

async function embedGroup(
  group: readonly Line[],
  { options, pipeline, signal }: { options: Wanted; pipeline: Pipeline; signal: AbortSignal },
) {
  const { maxInputs } = pipeline.catalog.get(options.model)
  const batches = Array.from({ length: Math.ceil(group.length / maxInputs) }, (_, i) =>
    group.slice(i * maxInputs, (i + 1) * maxInputs),
  )
  const results = await Promise.all(
    batches.map(async (batch) => {
      const request = check(toRequest(batch, options), pipeline.catalog)
      const { embeddings } = await pipeline.embed(request, { signal })
      return embeddings.map(
        ({ dense = new Float32Array(0), tokens }, i): VectorRow => ({
          index: batch[i]?.index ?? i,
          dense,
          tokens,
        }),
      )
    }),
  )
  return results.flat()
}

function toRequest(batch: readonly Line[], { model, dimension, textType }: Wanted): EmbedRequest {
  const first = batch[0]?.index ?? 0
  return {
    model,
    inputs: batch.map(({ text }) => text),
    textType,
    outputType: 'dense',
    ...(dimension === undefined ? {} : { dimension }),
    fields: { inputs: `texts from ${first} on, text`, dimension: '--dimension' },
  }
}

async function* groupsOf(lines: AsyncIterable<Line>, size: number): AsyncGenerator<Line[]> {
  let group: Line[] = []
  for await (const line of lines) {
    group.push(line)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}
