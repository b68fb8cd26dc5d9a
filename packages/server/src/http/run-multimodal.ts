import type { MultimodalRequest, MultimodalResult } from '@quiver/protocol'
import { checkMultimodal } from '../catalog/check-multimodal.js'
import type { FetchMedia } from '../multimodal/read-media.js'
import { callerOf } from './caller-of.js'
import type { Exchange } from './endpoint.js'
import { isOssAllowed } from './oss-header.js'

/** For one picture or video to come. */
const FETCH_DEADLINE_MS = 30_000

/**
 * What the multimodal endpoints have in common between decoding and encoding: the model's limits, the vectors, and the
 * response headers `x-quiver-space` and `x-quiver-truncated` (see {@link runEmbed}).
 *
 * @param options.maxInputs see `catalog/check-multimodal.ts`.
 */
export async function runMultimodal(
  request: MultimodalRequest,
  exchange: Pick<Exchange, 'services' | 'request' | 'reply' | 'signal'>,
  options: { maxInputs?: number } = {},
): Promise<MultimodalResult> {
  const { services, reply, signal } = exchange
  const model = services.catalog.getMultimodal(request.model)
  const checked = checkMultimodal(request, model, options)
  const { keyId } = callerOf(exchange.request)
  const result = await services.embedContents(checked, {
    signal,
    caller: keyId,
    fetchMedia: fetchMediaOf(exchange, model.id),
  })
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
