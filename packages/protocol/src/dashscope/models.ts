import { z } from 'zod'

/** Answer of `GET /api/v1/models?page_no=&page_size=`; pages count from 1. */
export const ModelPage = z.object({
  request_id: z.string(),
  output: z.object({
    page_no: z.int(),
    page_size: z.int(),
    total: z.int(),
    models: z.array(z.object({ model: z.string(), source: z.string(), provider: z.string(), opensource: z.boolean() })),
  }),
})
export type ModelPage = z.output<typeof ModelPage>
