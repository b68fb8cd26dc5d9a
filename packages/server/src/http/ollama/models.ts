import { ollama } from '@quiver/protocol'
import type { TextModel } from '../../catalog/text-model.js'
import type { Endpoint, Services } from '../endpoint.js'

const CAPABILITIES = ['embedding']

export const tags: Endpoint = {
  method: 'GET',
  paths: ['/api/tags'],
  dialect: 'ollama',
  tag: 'Ollama',
  summary: 'List the models',
  response: ollama.Tags,
  handle: ({ services }): ollama.Tags => ({
    models: services.catalog.list().map((model) => {
      const { identity, network } = services.inspect.describe(model)
      return {
        name: ollama.nameOf(model.id),
        model: ollama.nameOf(model.id),
        modified_at: availableSince(model),
        size: network?.bytes ?? 0,
        digest: identity ?? '',
        details: detailsOf(model, services),
        capabilities: CAPABILITIES,
      }
    }),
  }),
}

export const show: Endpoint = {
  method: 'POST',
  paths: ['/api/show'],
  dialect: 'ollama',
  tag: 'Ollama',
  summary: 'Show one model',
  body: ollama.ShowBody,
  response: ollama.ShowResponse,
  handle: ({ services, body }): ollama.ShowResponse => {
    const model = services.catalog.get(ollama.parseShow(body))
    const details = detailsOf(model, services)
    return {
      details,
      model_info: {
        'general.architecture': details.family,
        [`${details.family}.context_length`]: details.context_length,
        [`${details.family}.embedding_length`]: details.embedding_length,
      },
      capabilities: CAPABILITIES,
      modified_at: availableSince(model),
    }
  },
}

function detailsOf(model: TextModel, { inspect }: Services): ollama.ModelDetails {
  const { network } = inspect.describe(model)
  return {
    parent_model: '',
    format: network?.format ?? '',
    family: model.engine,
    families: [model.engine],
    parameter_size: '',
    quantization_level: network?.arithmetic ?? '',
    context_length: model.maxInputTokens,
    embedding_length: model.defaultDimension,
  }
}

function availableSince({ createdAtSeconds }: TextModel): string {
  return new Date(createdAtSeconds * 1000).toISOString()
}
