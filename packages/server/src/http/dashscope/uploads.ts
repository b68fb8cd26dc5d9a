import { ApiError, dashscope } from '@quiver/protocol'
import { issuePolicy, POLICY_LIFE_SECONDS } from '../../files/upload-policy.js'
import { baseUrlOf } from '../base-url.js'
import { callerOf } from '../caller-of.js'
import type { Endpoint } from '../endpoint.js'

const MEGABYTE = 1024 * 1024
const MAX_MODEL_LENGTH = 128

export const uploadPolicy: Endpoint = {
  method: 'GET',
  paths: ['/api/v1/uploads'],
  dialect: 'dashscope',
  tag: 'DashScope',
  summary: 'Leave to upload a temporary file',
  description: 'Query: `action=getPolicy`, `model`. The SDKs do this by themselves for local files.',
  response: dashscope.UploadPolicy,
  handle({ services, request, requestId }): dashscope.UploadPolicy {
    const { action, model } = request.query as Record<string, unknown> // Fastify's parsed query string
    if (action !== 'getPolicy')
      throw new ApiError('invalid_parameter', 'action must be getPolicy.', { param: 'action' })
    if (typeof model !== 'string' || model === '' || model.length > MAX_MODEL_LENGTH) {
      throw new ApiError('missing_model', 'Required parameter "model" missing from request.', { param: 'model' })
    }
    const { maxFileBytes: maxBytes, maxBytes: capacity } = services.files.limits
    const { project } = callerOf(request)
    const { policy, signature, accessKeyId, folder } = issuePolicy(
      { project, model, maxBytes },
      { signer: services.signer, now: new Date() },
    )
    return {
      request_id: requestId,
      data: {
        policy,
        signature,
        upload_dir: folder,
        upload_host: `${baseUrlOf(request, services.publicUrl)}/uploads`,
        expire_in_seconds: POLICY_LIFE_SECONDS,
        max_file_size_mb: Math.floor(maxBytes / MEGABYTE),
        capacity_limit_mb: Math.floor(capacity / MEGABYTE),
        oss_access_key_id: accessKeyId,
        x_oss_object_acl: 'private',
        x_oss_forbid_overwrite: 'true',
      },
    }
  },
}
