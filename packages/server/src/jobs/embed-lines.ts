import { ApiError, ERRORS } from '@quiver/protocol'
import type { CheckedRequest } from '../catalog/check.js'
import type { Embedded } from '../embedding/embed.js'

/** How often a request that failed alone, for no fault of its own, is tried. */
const TRIES_ALONE = 3
/** Computes a request on behalf of a job. */
export type EmbedForJob = (request: CheckedRequest) => Promise<Embedded>

/** The server has no room, or not the time: no fault of any line. */
const TRANSIENT: ReadonlySet<string> = new Set(['overloaded', 'not_ready', 'timed_out'])

/**
 * Compute requests that ask alike as one, so that the engine's batches are full and a bulk job takes one turn among the
 * callers. When one of them fails, halves are tried until those that fail are alone; the others have their vectors.
 *
 * @returns for each request its result or its error, in order.
 * @throws {ApiError} `overloaded`, `not_ready` or `timed_out`, which say nothing about the requests.
 */
export async function embedLines(
  requests: readonly CheckedRequest[],
  { embed, signal }: { embed: EmbedForJob; signal: AbortSignal },
): Promise<(Embedded | ApiError)[]> {
  const [first, ...others] = requests
  if (first === undefined) return []
  try {
    return splitResult(await embed(merge(first, others)), requests)
  } catch (error) {
    signal.throwIfAborted()
    if (isTransient(error)) throw error
    if (others.length === 0) return [await embedAlone(first, { embed, signal, error, triesLeft: TRIES_ALONE - 1 })]
  }
  const middle = Math.ceil(requests.length / 2)
  const halves = [requests.slice(0, middle), requests.slice(middle)]
  return (await Promise.all(halves.map((half) => embedLines(half, { embed, signal })))).flat()
}

/** Whether two requests differ in their inputs only, and so may be computed as one. */
export function isAlike(one: CheckedRequest, other: CheckedRequest): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  names.delete('inputs')
  return [...names].every((name) => Reflect.get(one, name) === Reflect.get(other, name))
}

async function embedAlone(
  request: CheckedRequest,
  { embed, signal, error, triesLeft }: { embed: EmbedForJob; signal: AbortSignal; error: unknown; triesLeft: number },
): Promise<Embedded | ApiError> {
  const known = toApiError(error)
  if (!ERRORS[known.row][4] || triesLeft === 0) return known
  try {
    return await embed(request)
  } catch (again) {
    signal.throwIfAborted()
    if (isTransient(again)) throw again
    return embedAlone(request, { embed, signal, error: again, triesLeft: triesLeft - 1 })
  }
}

function merge(first: CheckedRequest, others: readonly CheckedRequest[]): CheckedRequest {
  return others.length === 0 ? first : { ...first, inputs: [first, ...others].flatMap(({ inputs }) => inputs) }
}

function splitResult(whole: Embedded, requests: readonly CheckedRequest[]): Embedded[] {
  let at = 0
  return requests.map(({ inputs }) => {
    const embeddings = whole.embeddings
      .slice(at, at + inputs.length)
      .map((embedding, index) => ({ ...embedding, index }))
    at += inputs.length
    return { ...whole, embeddings, totalTokens: embeddings.reduce((sum, { tokens }) => sum + tokens, 0) }
  })
}

function isTransient(error: unknown): boolean {
  return error instanceof ApiError && TRANSIENT.has(error.row)
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  return new ApiError('internal', 'An internal error has occured, please try again later or contact service support.', {
    cause: error,
  })
}
