import { z } from 'zod'

/**
 * Answer of `GET /api/v1/uploads?action=getPolicy&model=`: what a client puts into the form that uploads a file.
 *
 * It must not have an `output`: the Java SDK reads `data` only then. The two flags are texts.
 */
export const UploadPolicy = z.object({
  request_id: z.string(),
  data: z.object({
    policy: z.string(),
    signature: z.string(),
    upload_dir: z.string().describe('The key of a file is this, a slash and its name.'),
    upload_host: z.string().describe('Where the form goes; no `Authorization` header.'),
    expire_in_seconds: z.int(),
    max_file_size_mb: z.int(),
    capacity_limit_mb: z.int(),
    oss_access_key_id: z.string(),
    x_oss_object_acl: z.literal('private'),
    x_oss_forbid_overwrite: z.literal('true'),
  }),
})
export type UploadPolicy = z.output<typeof UploadPolicy>
