import { z } from 'zod'

/** The form that uploads a file with a policy, as the SDKs fill it; the file comes last. Unknown fields are ignored. */
export const PostForm = z.object({
  OSSAccessKeyId: z.string(),
  policy: z.string(),
  Signature: z.string(),
  key: z.string(),
  'x-oss-object-acl': z.string().optional(),
  'x-oss-forbid-overwrite': z.string().optional(),
  success_action_status: z.enum(['200', '201', '204']).default('204'),
  'x-oss-content-type': z.string().optional(),
  file: z.string().meta({ format: 'binary' }),
})
