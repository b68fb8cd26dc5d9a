import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError } from '@quiver/protocol'
import type { CheckedRequest } from '../catalog/check.js'
import type { TextModel } from '../catalog/text-model.js'
import type { Embed, Embedded } from '../embedding/embed.js'
import type { BlobStore } from '../files/blob-store.js'
import type { Charge } from '../usage/ledger.js'
import { compressed } from './compressed.js'
import { embedLines, isAlike } from './embed-lines.js'
import { ForeignSpace } from './foreign-space.js'
import type { Job, Lease } from './job.js'
import { BLAMED_LOSSES, type ShardResult } from './job-store.js'
import type { LineFormat, LineOutcome, LineWork } from './line-format.js'
import { linesOf } from './lines.js'
import { mapAhead } from './map-ahead.js'

/** Lines that are computed as one request, and the bytes of theirs at which it has enough. */
const GROUP_LINES = 64
const GROUP_BYTES = 256 * 1024
/** Groups that are computed while one is written. */
const GROUPS_AHEAD = 3
/** A result may be larger than its input by far: 50,000 lines of ten inputs of 2,048 components. */
const MAX_RESULT_BYTES = 64 * 1024 ** 3

export interface ComputeOptions {
  format: LineFormat
  blobs: BlobStore
  embed: Embed
  now: () => Date
  signal: AbortSignal
  /** Until a request that failed this often is tried again. */
  backoffMs(failures: number): number
}

/**
 * Compute the lines of a shard, and write their results under names that no other lease of it has.
 *
 * @throws {ForeignSpace} when what computes here is not what computed the job so far.
 * @throws {ApiError} `overloaded`, `not_ready`, `timed_out`: when it is worth trying again; what ends the job.
 */
export async function computeShard(lease: Lease, options: ComputeOptions): Promise<ShardResult> {
  const { format, blobs, signal } = options
  const pack = (bytes: AsyncIterable<Uint8Array>) => (format.isCompressed ? compressed(bytes) : bytes)
  const name = `jobs/${lease.job.id}/${lease.firstLine}.${lease.fence}`
  const tally = new Tally(lease, options)
  const controlled = { ...options, newControl: controlsOf(lease) }
  const errors: Uint8Array[] = []
  async function* outputs() {
    for await (const group of mapAhead(groupsOf(lease, options), (works) => compute(works, lease, controlled), {
      ahead: GROUPS_AHEAD,
    })) {
      for (const { work, outcome } of group) {
        tally.add(work, outcome)
        const { to, bytes } = work.encode(outcome)
        if (to === 'output') yield bytes
        else errors.push(bytes)
      }
      // Writing digits is work of the loop that also renews leases and answers requests: let it breathe.
      await new Promise(setImmediate)
    }
  }
  const limits = { maxBytes: MAX_RESULT_BYTES, signal }
  const written = await blobs.write(`${name}.out`, pack(outputs()), limits)
  const hasOutput = written.bytes > 0
  if (!hasOutput) await blobs.delete(`${name}.out`)
  if (errors.length > 0) await blobs.write(`${name}.err`, pack(Readable.from(errors)), limits)
  return {
    ...(hasOutput && { outputKey: `${name}.out` }),
    ...(errors.length > 0 && { errorKey: `${name}.err` }),
    ...tally.result(),
  }
}

/** The shard's lines, those together that may be computed as one. */
async function* groupsOf(lease: Lease, { format, blobs, signal }: ComputeOptions): AsyncGenerator<LineWork[]> {
  const { job, firstLine, lineCount, startByte, skipLines } = lease
  if (job.inputKey === undefined) throw new TypeError('a shard of a job that has no input')
  const source = blobs.read(job.inputKey, { start: startByte, signal })
  const { maxLineBytes } = format.limits
  let group: LineWork[] = []
  let bytes = 0
  const end = firstLine + lineCount
  for await (const lines of linesOf(source, { maxLineBytes, startByte, firstLine: firstLine - skipLines })) {
    for (const line of lines) {
      if (line.index < firstLine || line.index >= end) continue
      const work = await format.read(line, job)
      if (work === undefined) continue
      if (group.length > 0 && (group.length >= GROUP_LINES || bytes >= GROUP_BYTES || !canJoin(group, work))) {
        yield group
        group = []
        bytes = 0
      }
      group.push(work)
      bytes += line.bytes?.length ?? 0
    }
    if ((lines.at(-1)?.index ?? 0) >= end - 1) break
  }
  if (group.length > 0) yield group
}

function canJoin(group: readonly LineWork[], { request }: LineWork): boolean {
  if (!isAskable(request)) return true
  const known = group.map((work) => work.request).find(isAskable)
  return known === undefined || isAlike(known, request)
}

function isAskable(request: LineWork['request']): request is CheckedRequest {
  return request !== 'blank' && !(request instanceof ApiError)
}

async function compute(
  works: readonly LineWork[],
  lease: Lease,
  { embed, signal, backoffMs, newControl }: ComputeOptions & { newControl: () => string },
): Promise<{ work: LineWork; outcome: LineOutcome }[]> {
  const { job } = lease
  const early = earlyOutcomeOf(job) ?? (isPoisoned(lease) ? { error: poisoned() } : undefined)
  const asked = early === undefined ? works.map(({ request }) => request).filter(isAskable) : []
  const embedForJob = (request: CheckedRequest) => embed(request, { signal, caller: job.keyId, priority: 'bulk' })
  const pause = (failures: number) => sleep(backoffMs(failures), undefined, { signal })
  const results = (await embedLines(asked, { embed: embedForJob, signal, newControl, pause })).values()
  return works.map((work) => {
    if (work.request === 'blank') return { work, outcome: 'blank' }
    if (work.request instanceof ApiError) return { work, outcome: { error: work.request } }
    return { work, outcome: early ?? toOutcome(results.next().value) }
  })
}

/** Texts that no other lease has, of which each is another. */
function controlsOf({ job, firstLine, fence }: Lease): () => string {
  let controls = 0
  return () => `${job.id} ${firstLine} ${fence} ${++controls}`
}

/** What every line of a job that ends early comes to. */
function earlyOutcomeOf({ outcome, faults: [fault] }: Job): LineOutcome | undefined {
  if (outcome !== 'failed') return outcome
  return { error: new ApiError(fault?.row ?? 'internal', fault?.message ?? '') }
}

function toOutcome(result: Embedded | ApiError | undefined): LineOutcome {
  if (result === undefined) throw new TypeError('fewer results than requests')
  return result instanceof ApiError ? { error: result } : { result }
}

/** A line alone, which was begun so often without an end, is what ends the process. */
function isPoisoned({ lineCount, losses }: Lease): boolean {
  return lineCount === 1 && losses >= BLAMED_LOSSES
}

function poisoned(): ApiError {
  return new ApiError('engine_failed', 'The model failed on this input each time it was tried.')
}

/** Counts lines, tokens and what they cost. */
class Tally {
  readonly #lease: Lease
  readonly #options: ComputeOptions
  readonly #bySpace = new Map<string, { model: TextModel; inputs: number; tokens: number }>()
  #completed = 0
  #failed = 0
  #computed = 0
  #engineSpace: string | undefined

  constructor(lease: Lease, options: ComputeOptions) {
    this.#lease = lease
    this.#options = options
    this.#engineSpace = lease.job.engineSpace
  }

  /** @throws {ForeignSpace} at the first vector that belongs to another space than the job. */
  add({ request }: LineWork, outcome: LineOutcome): void {
    if (outcome === 'blank') this.#completed++
    else if (typeof outcome === 'string') this.#failed++
    else if ('error' in outcome) this.#failed++
    else if (isAskable(request)) {
      this.#completed++
      this.#computed++
      const { space, engineSpace, embeddings, totalTokens } = outcome.result
      this.#engineSpace ??= engineSpace
      if (engineSpace !== this.#engineSpace) throw new ForeignSpace(this.#engineSpace, engineSpace)
      const sum = this.#bySpace.get(space) ?? { model: request.model, inputs: 0, tokens: 0 }
      sum.inputs += embeddings.length
      sum.tokens += totalTokens
      this.#bySpace.set(space, sum)
    }
  }

  result(): Pick<ShardResult, 'completedLines' | 'failedLines' | 'tokens' | 'engineSpace' | 'charges'> {
    const { job, firstLine } = this.#lease
    const charges = [...this.#bySpace].map(
      ([space, { model, inputs, tokens }]): Charge => ({
        id: `shard:${job.id}:${firstLine}:${space}`,
        project: job.project,
        keyId: job.keyId,
        kind: 'shard',
        reference: job.id,
        model: model.id,
        space,
        inputs,
        tokens,
        priceMicrosPer1kTokens: this.#options.format.priceMicrosPer1kTokens(model),
        at: this.#options.now(),
      }),
    )
    const tokens = charges.reduce((sum, charge) => sum + charge.tokens, 0)
    return {
      completedLines: this.#completed,
      failedLines: this.#failed,
      tokens,
      ...(this.#computed > 0 && this.#engineSpace !== undefined && { engineSpace: this.#engineSpace }),
      charges,
    }
  }
}
