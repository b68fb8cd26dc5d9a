import type { MultimodalRequest, MultimodalResult } from '@quiver/protocol'
import type { Caller } from '../admission/api-key.js'
import { checkMultimodal } from '../catalog/check-multimodal.js'
import type { MultimodalModel } from '../catalog/multimodal-model.js'
import type { FetchMedia } from '../multimodal/read-media.js'
import type { Charge } from '../usage/ledger.js'
import { callerOf } from './caller-of.js'
import type { Exchange } from './endpoint.js'
import { isOssAllowed } from './oss-header.js'

/** For one picture or video to come. */
const FETCH_DEADLINE_MS = 30_000

/**
 * What the multimodal endpoints have in common between decoding and encoding: the model's limits, the vectors, the
 * charge, and the response headers `x-quiver-space` and `x-quiver-truncated` (see {@link runEmbed}).
 *
 * @param options.maxInputs see `catalog/check-multimodal.ts`.
 */
export async function runMultimodal(
  request: MultimodalRequest,
  exchange: Pick<Exchange, 'services' | 'request' | 'reply' | 'requestId' | 'signal'>,
  options: { maxInputs?: number } = {},
): Promise<MultimodalResult> {
  const { services, reply, requestId, signal } = exchange
  const model = services.catalog.getMultimodal(request.model)
  const checked = checkMultimodal(request, model, options)
  const caller = callerOf(exchange.request)
  const result = await services.embedContents(checked, {
    signal,
    caller: caller.keyId,
    fetchMedia: fetchMediaOf(exchange, model.id),
  })
  await Promise.all(chargesOf(result, { requestId, model, caller }).map((charge) => services.ledger.record(charge)))
  const { usage, embeddings, truncated, space } = result
  reply.header('x-quiver-space', space)
  if (truncated.length > 0) reply.header('x-quiver-truncated', truncated.join(','))
  services.metrics.embedded(result.model, {
    inputs: embeddings.length,
    tokens: usage.textTokens + usage.imageTokens,
    truncated: truncated.length,
  })
  return result
}

/** One for each price that there is; the inputs are counted with the first. */
function chargesOf(
  { usage, embeddings, space }: MultimodalResult,
  { requestId, model, caller }: { requestId: string; model: MultimodalModel; caller: Caller },
): Charge[] {
  const { priceMicrosPer1kTextTokens, priceMicrosPer1kImageTokens } = model
  const priced = [
    { of: 'text', tokens: usage.textTokens, priceMicrosPer1kTokens: priceMicrosPer1kTextTokens },
    { of: 'image', tokens: usage.imageTokens, priceMicrosPer1kTokens: priceMicrosPer1kImageTokens },
  ].filter(({ tokens }) => tokens > 0)
  return priced.map(({ of, ...price }, i) => ({
    id: `request:${requestId}:${of}`,
    project: caller.project,
    keyId: caller.keyId,
    kind: 'request',
    reference: requestId,
    model: model.id,
    space,
    inputs: i === 0 ? embeddings.length : 0,
    ...price,
    at: new Date(),
  }))
}

/** Files that the caller may name in this request: its own uploads for this model, and what the network has. */
function fetchMediaOf({ services, request }: Pick<Exchange, 'services' | 'request'>, model: string): FetchMedia {
  const { project } = callerOf(request)
  return async (source, { maxBytes, field, signal }) => {
    const { body } = await services.resolveUserUrl(source, {
      project,
      model,
      isOssAllowed: isOssAllowed(request.headers),
      maxBytes,
      deadlineMs: FETCH_DEADLINE_MS,
      signal,
      param: field,
    })
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk)
    return Buffer.concat(chunks)
  }
}
