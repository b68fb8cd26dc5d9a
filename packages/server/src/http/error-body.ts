import { type ApiError, cohere, type Dialect, dashscope, ollama, openai, tei } from '@quiver/protocol'
import type { z } from 'zod'

/** How an error looks in each dialect: its schema, under the name that `/openapi.json` gives it, and its encoder. */
export const ERROR_BODY: Readonly<
  Record<Dialect, { name: string; schema: z.ZodType; encode: (error: ApiError, requestId: string) => object }>
> = {
  dashscope: { name: 'DashScopeError', schema: dashscope.ErrorBody, encode: dashscope.encodeError },
  openai: { name: 'OpenAIError', schema: openai.ErrorBody, encode: openai.encodeError },
  tei: { name: 'TeiError', schema: tei.ErrorBody, encode: tei.encodeError },
  ollama: { name: 'OllamaError', schema: ollama.ErrorBody, encode: ollama.encodeError },
  cohere: { name: 'CohereError', schema: cohere.ErrorBody, encode: cohere.encodeError },
}
