import { tei } from '@quiver/protocol'
import { VERSION } from '../../version.js'
import type { Endpoint } from '../endpoint.js'

export const info: Endpoint = {
  method: 'GET',
  paths: ['/info'],
  dialect: 'tei',
  tag: 'Text Embeddings Inference',
  summary: 'The model that serves, and its limits',
  response: tei.Info,
  handle({ services }): tei.Info {
    const { defaultModel } = services
    const { identity, window, network } = services.inspect.describe(defaultModel)
    return {
      model_id: defaultModel.id,
      model_sha: identity ?? null,
      model_dtype: network?.arithmetic ?? 'float32',
      served_model_name: defaultModel.id,
      model_type: { embedding: { pooling: network?.pooling ?? 'mean' } },
      max_concurrent_requests: services.maxQueuedInputs,
      max_input_length: defaultModel.maxInputTokens,
      max_batch_tokens: window ?? defaultModel.maxInputTokens,
      max_batch_requests: null,
      max_client_batch_size: tei.MAX_CLIENT_BATCH_SIZE,
      auto_truncate: false,
      tokenization_workers: 1,
      version: VERSION,
      sha: null,
      docker_label: null,
    }
  },
}
