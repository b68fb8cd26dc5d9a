import { ApiError } from '@quiver/protocol'
import type { BlobStore } from '../files/blob-store.js'
import type { Fault, Job, Lease, ShardPlan } from './job.js'
import type { LineFormat } from './line-format.js'
import { linesOf } from './lines.js'

/** Lines of a shard, and its bytes before the last line: what a crash costs at most, and for how long others wait their turn. */
export const SHARD_LINES = 1000
export const SHARD_BYTES = 1_000_000

/**
 * What a caller named as input → its name and bytes.
 *
 * @throws {ApiError} when it cannot be had, or is known to have more bytes than allowed.
 */
export type OpenInput = (
  job: Job,
  options: { maxBytes: number; signal: AbortSignal },
) => Promise<{ name: string; body: AsyncIterable<Uint8Array> }>

export interface JobPlan {
  model: string
  inputKey: string
  inputBytes: number
  totalLines: number
  shards: ShardPlan[]
}

/** The job cannot be computed; what is wrong with it. */
export class JobFaults extends Error {
  override readonly name = 'JobFaults'
  constructor(readonly faults: readonly Fault[]) {
    super(faults[0]?.message ?? '')
  }
}

/**
 * Fetch the input and read it once: count its lines, look at each, note where each shard begins.
 *
 * @throws {JobFaults} when nothing shall be computed.
 */
export async function planJob(
  { job, fence }: Pick<Lease, 'job' | 'fence'>,
  {
    format,
    blobs,
    openInput,
    signal,
  }: { format: LineFormat; blobs: BlobStore; openInput: OpenInput; signal: AbortSignal },
): Promise<JobPlan> {
  const { maxBytes, maxLines, maxLineBytes } = format.limits
  const inputKey = `jobs/${job.id}/input.${fence}`
  const input = await openInput(job, { maxBytes, signal })
  const fault = format.faultOfName(input.name)
  if (fault !== undefined) throw new JobFaults([fault])
  // A copy, though it may be a file of ours: its owner can delete that one at any time.
  const { bytes: inputBytes } = await blobs.write(inputKey, input.body, { maxBytes, signal }).catch((error) => {
    throw isTooLarge(error) ? new JobFaults([format.refuse('too_large')]) : error
  })
  const survey = format.survey(job)
  const shards: ShardPlan[] = []
  let totalLines = 0
  for await (const lines of linesOf(blobs.read(inputKey, { signal }), { maxLineBytes })) {
    for (const line of lines) {
      if (survey.add(line)) totalLines++
      // Lines without an answer are read too, so there is an end to them as well.
      if (totalLines > maxLines || line.index >= 2 * maxLines) throw new JobFaults([format.refuse('too_many_lines')])
      const last = shards.at(-1)
      if (last !== undefined && hasRoom(last, line.startByte)) last.lineCount++
      else shards.push({ firstLine: line.index, lineCount: 1, startByte: line.startByte })
    }
    signal.throwIfAborted()
  }
  if (totalLines === 0) throw new JobFaults([format.refuse('empty')])
  const { model, faults } = survey.finish()
  if (faults.length > 0) throw new JobFaults(faults)
  return { model, inputKey, inputBytes, totalLines, shards }
}

function hasRoom({ lineCount, startByte }: ShardPlan, endByte: number): boolean {
  return lineCount < SHARD_LINES && endByte - startByte < SHARD_BYTES
}

function isTooLarge(error: unknown): boolean {
  return error instanceof ApiError && error.row === 'body_too_large'
}
