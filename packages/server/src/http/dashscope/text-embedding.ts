import { ApiError, dashscope } from '@quiver/protocol'
import { check } from '../../catalog/check.js'
import type { Endpoint } from '../endpoint.js'

export const textEmbedding: Endpoint = {
  method: 'POST',
  paths: ['/api/v1/services/embeddings/text-embedding/text-embedding'],
  dialect: 'dashscope',
  tag: 'DashScope',
  summary: 'Embed one text or a list of texts',
  body: dashscope.TextEmbeddingBody,
  response: dashscope.TextEmbeddingResponse,
  async handle({ services, body, request, reply, requestId, signal }) {
    const parsed = dashscope.parseTextEmbedding(body)
    const checked = check(dashscope.decodeTextEmbedding(parsed), services.catalog)
    if (request.headers['x-dashscope-async'] === 'enable') {
      throw new ApiError('access_denied', 'current user api does not support asynchronous calls.')
    }
    const result = await services.embed(checked, signal)
    reply.header('x-quiver-space', result.space)
    return dashscope.encodeTextEmbedding(result, requestId)
  },
}
