import type { CallScope } from './call-scope.js'
import { decodeGroup, encodeGroup, type GroupAnswer } from './embed-group.js'
import { DEFAULT_MODEL, type EmbedOptions } from './embed-options.js'
import { type Group, groups } from './groups.js'
import { inOrder } from './in-order.js'
import type { MaxInputs } from './max-inputs.js'
import { inTermsOfCall, QuiverError } from './quiver-error.js'
import type { Transport } from './transport.js'
import type { OutputType } from './vectors.js'

const DEFAULT_CONCURRENCY = 4
/** Some models take thousands of texts at once; such requests gain nothing, and meet limits of bytes and of time. */
const MOST_INPUTS = 256

interface Parts {
  transport: Transport
  maxInputs: MaxInputs
  scope: CallScope
}

/**
 * Embed texts in requests of the model's size, some at once, answers in order.
 *
 * @throws {QuiverError} the first failure in order, with positions of the whole call; `space_changed` when the server
 * was changed between two requests, since their vectors must not be mixed.
 */
export async function* embedGroups<Output extends OutputType>(
  texts: Iterable<string> | AsyncIterable<string>,
  options: EmbedOptions<Output>,
  { transport, maxInputs, scope }: Parts,
): AsyncGenerator<GroupAnswer<Output> & { group: Group }> {
  const { concurrency = DEFAULT_CONCURRENCY, model = DEFAULT_MODEL, outputType = 'dense' } = options
  checkCount('concurrency', concurrency)
  const size = options.maxInputs ?? Math.min(await maxInputs.of(model, outputType, scope), MOST_INPUTS)
  checkCount('maxInputs', size)
  const work = async (group: Group, signal: AbortSignal) => ({
    group,
    ...(await embedGroup(group, options, { transport, scope: { ...scope, signal } })),
  })
  let first: string | undefined
  for await (const answer of inOrder(groups(texts, size), work, { concurrency, signal: scope.signal })) {
    first ??= answer.space
    if (answer.space !== first) throw spaceChanged(first, answer)
    yield answer
  }
}

/** Embed texts that fit one request. @throws {QuiverError} with positions of the whole call. */
export async function embedGroup<Output extends OutputType>(
  { offset, texts }: Group,
  options: EmbedOptions<Output>,
  { transport, scope }: Pick<Parts, 'transport' | 'scope'>,
): Promise<GroupAnswer<Output>> {
  try {
    const answer = await transport.send(encodeGroup(texts, options), scope)
    // Without an `outputType` there is nothing that Output could have been inferred from but its default, `dense`.
    const decoded = decodeGroup(answer, { output: options.outputType ?? ('dense' as Output), count: texts.length })
    return { ...decoded, truncated: decoded.truncated.map((position) => offset + position) }
  } catch (error) {
    throw error instanceof QuiverError ? inTermsOfCall(error, offset) : error
  }
}

/** @throws {RangeError} unless it is a whole number from 1. */
function checkCount(name: string, count: number): void {
  if (Number.isSafeInteger(count) && count > 0) return
  throw new RangeError(`${name} must be a whole number from 1; got ${count}.`)
}

function spaceChanged(first: string, { space, requestId }: GroupAnswer<OutputType>): QuiverError {
  const from = first === '' ? 'an unnamed one' : first
  const to = space === '' ? 'an unnamed one' : space
  const message = `The server's vector space changed from ${from} to ${to} during the call; embed all texts again.`
  return new QuiverError(message, { code: 'space_changed', requestId, isRetryable: true })
}
