import { openai } from '@quiver/protocol'
import { check } from '../../catalog/check.js'
import type { Endpoint } from '../endpoint.js'
import { toBase64, toFloats } from '../vector-to-wire.js'

export const embeddings: Endpoint = {
  method: 'POST',
  paths: ['/compatible-mode/v1/embeddings', '/v1/embeddings'],
  dialect: 'openai',
  tag: 'OpenAI-compatible',
  summary: 'Embed one text or a list of texts',
  body: openai.EmbeddingsBody,
  response: openai.EmbeddingsResponse,
  async handle({ services, body, reply, requestId, signal }) {
    const parsed = openai.parseEmbeddings(body)
    const request = check(openai.decodeEmbeddings(parsed), services.catalog)
    const result = await services.embed(request, signal)
    reply.header('x-quiver-space', result.space)
    const vectorToWire = parsed.encoding_format === 'base64' ? toBase64 : toFloats
    return openai.encodeEmbeddings(result, { requestId, vectorToWire })
  },
}
