import { type ApiError, cohere, type Dialect, dashscope, ollama, openai, oss, tei } from '@quiver/protocol'
import type { z } from 'zod'

interface ErrorBody {
  /** The name that `/openapi.json` gives the schema. */
  name: string
  schema: z.ZodType
  mediaType: string
  /** The text of the body. */
  write: (error: ApiError, requestId: string) => string
}

/** How an error looks in each dialect. */
export const ERROR_BODY: Readonly<Record<Dialect, ErrorBody>> = {
  dashscope: json('DashScopeError', dashscope.ErrorBody, dashscope.encodeError),
  openai: json('OpenAIError', openai.ErrorBody, openai.encodeError),
  tei: json('TeiError', tei.ErrorBody, tei.encodeError),
  ollama: json('OllamaError', ollama.ErrorBody, ollama.encodeError),
  cohere: json('CohereError', cohere.ErrorBody, cohere.encodeError),
  oss: {
    name: 'ObjectStorageError',
    schema: oss.ErrorBody,
    mediaType: 'application/xml',
    write: (error, requestId) => oss.writeError(oss.encodeError(error, requestId)),
  },
}

function json(name: string, schema: z.ZodType, encode: (error: ApiError, requestId: string) => object): ErrorBody {
  return {
    name,
    schema,
    mediaType: 'application/json',
    write: (error, requestId) => JSON.stringify(encode(error, requestId)),
  }
}
