import type { EmbedRequest, EmbedResult } from '@quiver/protocol'
import { ANONYMOUS, type Caller } from '../admission/api-key.js'
import { type CheckOptions, check } from '../catalog/check.js'
import type { TextModel } from '../catalog/text-model.js'
import type { Charge } from '../usage/ledger.js'
import type { Exchange } from './endpoint.js'
import { overlongOf } from './overlong.js'

/**
 * What every embedding endpoint has in common between decoding and encoding: the header option, the model's limits, the
 * vectors, the charge, and the response headers that tell what no dialect has room for:
 * `x-quiver-space`, the vector space; `x-quiver-sparse-space`, that of the sparse vectors, which has no dimension;
 * `x-quiver-truncated`, positions of the inputs that were cut, from 0;
 * `deprecation`, `sunset` and `link` of a model that will go.
 *
 * @throws {ApiError} as `catalog/check.ts` and `embedding/embed.ts` do.
 */
export async function runEmbed(
  request: EmbedRequest,
  { services, request: { headers, caller = ANONYMOUS }, reply, requestId, signal }: Exchange,
  options: CheckOptions = {},
): Promise<EmbedResult> {
  const checked = check({ ...request, ...overlongOf(headers) }, services.catalog, options)
  for (const [name, value] of deprecationHeaders(checked.model)) reply.header(name, value)
  const result = await services.embed(checked, { signal, caller: caller.keyId })
  // Before the answer: once it is out, nothing may undo the charge.
  await services.ledger.record(chargeOf(result, { requestId, model: checked.model, caller }))
  const truncated = result.embeddings.filter(({ isTruncated }) => isTruncated).map(({ index }) => index)
  reply.header('x-quiver-space', result.space)
  if (result.sparseSpace !== undefined) reply.header('x-quiver-sparse-space', result.sparseSpace)
  if (truncated.length > 0) reply.header('x-quiver-truncated', truncated.join(','))
  services.metrics.embedded(result.model, {
    inputs: result.embeddings.length,
    tokens: result.totalTokens,
    truncated: truncated.length,
  })
  return result
}

function chargeOf(
  { embeddings, totalTokens, space }: EmbedResult,
  { requestId, model, caller }: { requestId: string; model: TextModel; caller: Caller },
): Charge {
  return {
    id: `request:${requestId}`,
    project: caller.project,
    keyId: caller.keyId,
    kind: 'request',
    reference: requestId,
    model: model.id,
    space,
    inputs: embeddings.length,
    tokens: totalTokens,
    priceMicrosPer1kTokens: model.priceMicrosPer1kTokens,
    at: new Date(),
  }
}

/** RFC 9745 (date as a structured field), RFC 8594, and the successor as a link relation (RFC 5829). */
function deprecationHeaders({ deprecation }: TextModel): [name: string, value: string][] {
  if (deprecation === undefined) return []
  const { since, sunset, successor } = deprecation
  const headers: [name: string, value: string][] = [['deprecation', `@${Date.parse(since) / 1000}`]]
  if (sunset !== undefined) headers.push(['sunset', new Date(sunset).toUTCString()])
  if (successor !== undefined) {
    headers.push(['link', `</v1/models/${encodeURIComponent(successor)}>; rel="successor-version"`])
  }
  return headers
}
