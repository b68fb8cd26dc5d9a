import { z } from 'zod'
import { ApiError } from '../errors.js'
import { parseWith } from '../parse.js'
import { modelIdOf } from './model-name.js'

/** What is said of every model (api/types.go, `ModelDetails`). Empty: not known, or not to be said in one word. */
export const ModelDetails = z.object({
  parent_model: z.string(),
  format: z.string(),
  family: z.string(),
  families: z.array(z.string()),
  parameter_size: z.string(),
  quantization_level: z.string(),
  context_length: z.int(),
  embedding_length: z.int(),
})
export type ModelDetails = z.output<typeof ModelDetails>

/** Answer of `GET /api/tags`; `size` in bytes, `digest` a SHA-256 in hex. */
export const Tags = z.object({
  models: z.array(
    z.object({
      name: z.string(),
      model: z.string(),
      modified_at: z.string(),
      size: z.int(),
      digest: z.string(),
      details: ModelDetails,
      capabilities: z.array(z.string()),
    }),
  ),
})
export type Tags = z.output<typeof Tags>

/** Body of `POST /api/show`; older clients send `name`. */
export const ShowBody = z.object({ model: z.string().nullish(), name: z.string().nullish() })

export const ShowResponse = z.object({
  details: ModelDetails,
  model_info: z.record(z.string(), z.union([z.string(), z.number()])),
  capabilities: z.array(z.string()),
  modified_at: z.string(),
})
export type ShowResponse = z.output<typeof ShowResponse>

export const Version = z.object({ version: z.string() })

/** @returns the public model id. @throws {ApiError} */
export function parseShow(body: unknown): string {
  const { model, name } = parseWith(ShowBody, body, (_issue, path) =>
    path === '' ? { row: 'invalid_body', message: 'missing request body' } : undefined,
  )
  const wanted = model || name
  if (wanted) return modelIdOf(wanted)
  throw new ApiError('missing_model', 'model is required', { param: 'model' })
}
