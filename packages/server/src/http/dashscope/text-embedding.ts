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
    // Before the body: an asynchronous call has `input.url` and no texts.
    if (String(request.headers['x-dashscope-async']).toLowerCase() === 'enable') {
      throw new ApiError('access_denied', 'current user api does not support asynchronous calls.')
    }
    const parsed = dashscope.parseTextEmbedding(body)
    const result = await services.embed(check(dashscope.decodeTextEmbedding(parsed), services.catalog), signal)
    reply.header('x-quiver-space', result.space)
    return dashscope.encodeTextEmbedding(result, requestId)
  },
}
