import { z } from 'zod'
import { TextModel } from '../../catalog/text-model.js'

/** What a batch keeps of its submission. */
export const BatchOptions = z.object({
  endpoint: z.string(),
  completionWindow: z.string(),
  metadata: z.record(z.string(), z.string()).nullable(),
  overlong: TextModel.shape.overlong.optional(),
})
export type BatchOptions = z.output<typeof BatchOptions>

/** Key of a batch's metadata that holds the URL to be told of its end. */
export const CALLBACK_KEY = 'ds_batch_finish_callback'
