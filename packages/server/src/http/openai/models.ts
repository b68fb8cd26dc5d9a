import { openai } from '@quiver/protocol'
import type { MultimodalModel } from '../../catalog/multimodal-model.js'
import type { TextModel } from '../../catalog/text-model.js'
import type { Endpoint, Services } from '../endpoint.js'
import { autoSplitInputs } from './auto-split.js'
import { MAX_MULTIMODAL_INPUTS } from './embeddings.js'

export const models: Endpoint = {
  method: 'GET',
  paths: ['/compatible-mode/v1/models', '/v1/models'],
  dialect: 'openai',
  tag: 'OpenAI-compatible',
  summary: 'List the models',
  response: openai.ModelList,
  handle: ({ services }) => ({
    object: 'list',
    data: [
      ...services.catalog.list().map((model) => toModelObject(model, services)),
      ...services.catalog.listMultimodal().map(toMultimodalObject),
    ],
  }),
}

export const model: Endpoint = {
  method: 'GET',
  paths: ['/compatible-mode/v1/models/:model', '/v1/models/:model'],
  dialect: 'openai',
  tag: 'OpenAI-compatible',
  summary: 'Show one model',
  response: openai.ModelObject,
  handle: ({ services, request }) => {
    const { model = '' } = request.params as { model?: string } // the route's own parameter, always a string
    const multimodal = services.catalog.findMultimodal(model)
    return multimodal === undefined
      ? toModelObject(services.catalog.get(model), services)
      : toMultimodalObject(multimodal)
  },
}

function toMultimodalObject(model: MultimodalModel): openai.ModelObject {
  const { maxInputs, maxTextTokens, dimensions, defaultDimension, dimensionChoice } = model
  const { kinds, maxImageBytes, maxVideoBytes } = model
  return {
    id: model.id,
    object: 'model',
    created: model.createdAtSeconds,
    owned_by: 'system',
    quiver: {
      maxInputs,
      maxCompatibleInputs: Math.max(maxInputs, MAX_MULTIMODAL_INPUTS),
      maxInputTokens: maxTextTokens,
      dimensions: [...dimensions],
      defaultDimension,
      dimensionChoice,
      outputs: ['dense'],
      kinds: [...kinds],
      maxImageBytes,
      maxVideoBytes,
    },
  }
}

function toModelObject(model: TextModel, services: Services): openai.ModelObject {
  const { maxInputs, maxInputTokens, dimensions, defaultDimension, dimensionChoice, outputs } = model
  return {
    id: model.id,
    object: 'model',
    created: model.createdAtSeconds,
    owned_by: 'system',
    quiver: {
      maxInputs,
      maxCompatibleInputs: Math.max(maxInputs, autoSplitInputs(services)),
      maxInputTokens,
      dimensions: [...dimensions],
      defaultDimension,
      dimensionChoice,
      outputs: [...outputs],
    },
  }
}
