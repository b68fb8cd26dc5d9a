import { z } from 'zod'

/** One entry of `GET …/v1/models`. `created` is in Unix seconds. */
export const ModelObject = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.string(),
})
export type ModelObject = z.output<typeof ModelObject>

export const ModelList = z.object({ object: z.literal('list'), data: z.array(ModelObject) })
export type ModelList = z.output<typeof ModelList>
