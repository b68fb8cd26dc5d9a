import { ApiError, ERRORS } from '@quiver/protocol'
import type { CheckedRequest } from '../catalog/check.js'
import type { Embedded } from '../embedding/embed.js'

/** How often a request on which the model failed alone is tried, over a quarter of a minute. */
const TRIES_ALONE = 5
/** How often the model is asked whether it computes at all, over a minute: it may be loading anew. */
const TRIES_CONTROL = 7
/** Computes a request on behalf of a job. */
export type EmbedForJob = (request: CheckedRequest) => Promise<Embedded>

export interface EmbedLinesOptions {
  embed: EmbedForJob
  signal: AbortSignal
  /** A text of no meaning that nobody has asked for before, so that no remembered vector answers for the model. */
  newControl(): string
  /** Wait before a further try, the longer the more there were. @throws the signal's reason. */
  pause(failures: number): Promise<void>
}

/** The server has no room, or not the time: no fault of any line. */
const TRANSIENT: ReadonlySet<string> = new Set(['overloaded', 'not_ready', 'timed_out'])

/**
 * Compute requests that ask alike as one, so that the engine's batches are full and a bulk job takes one turn among the
 * callers. When one of them fails, halves are tried until those that fail are alone; the others have their vectors.
 *
 * A model that fails says nothing of a request unless it computes others: only then is the request blamed.
 *
 * @returns for each request its result or its error, in order.
 * @throws {ApiError} `overloaded`, `not_ready` or `timed_out`, which say nothing about the requests.
 */
export async function embedLines(
  requests: readonly CheckedRequest[],
  options: EmbedLinesOptions,
): Promise<(Embedded | ApiError)[]> {
  const [first, ...others] = requests
  if (first === undefined) return []
  const { embed, signal } = options
  try {
    return splitResult(await embed(merge(first, others)), requests)
  } catch (error) {
    signal.throwIfAborted()
    if (isTransient(error)) throw error
    const known = toApiError(error)
    if (others.length === 0) return [await embedAlone(first, known, options)]
    if (isServersFault(known)) await checkModel(first, options)
  }
  const middle = Math.ceil(requests.length / 2)
  const halves = [requests.slice(0, middle), requests.slice(middle)]
  // Both are waited for, so that nothing is computed behind the caller's back.
  const settled = await Promise.allSettled(halves.map((half) => embedLines(half, options)))
  return settled.flatMap((half) => {
    if (half.status === 'rejected') throw half.reason
    return half.value
  })
}

/** Whether two requests differ in their inputs only, and so may be computed as one. */
export function isAlike(one: CheckedRequest, other: CheckedRequest): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  names.delete('inputs')
  return [...names].every((name) => Reflect.get(one, name) === Reflect.get(other, name))
}

/** @param error what it failed with just now. */
async function embedAlone(
  request: CheckedRequest,
  error: ApiError,
  options: EmbedLinesOptions,
): Promise<Embedded | ApiError> {
  const { embed, signal, pause } = options
  let known = error
  for (let tries = 1; tries < TRIES_ALONE && isServersFault(known); tries++) {
    await pause(tries - 1)
    try {
      return await embed(request)
    } catch (again) {
      signal.throwIfAborted()
      known = toApiError(again)
    }
  }
  if (isTransient(known)) throw known
  if (isServersFault(known)) await checkModel(request, options)
  return known
}

/** Whether the model computes anything at all. @throws {ApiError} `not_ready` when it does not. */
async function checkModel(
  request: CheckedRequest,
  { embed, signal, newControl, pause }: EmbedLinesOptions,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await embed({ ...request, inputs: [newControl()] })
      return
    } catch (error) {
      signal.throwIfAborted()
      if (!isServersFault(toApiError(error))) return // it works well enough to refuse
      if (tries === TRIES_CONTROL) throw new ApiError('not_ready', 'The model computes nothing.', { cause: error })
    }
    await pause(tries - 1)
  }
}

function isServersFault({ row }: ApiError): boolean {
  return ERRORS[row][4]
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
