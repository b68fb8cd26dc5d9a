import { ApiError, type EmbedRequest, invalidInput } from '@quiver/protocol'
import type { Catalog } from '../catalog/catalog.js'
import type { TextModel } from '../catalog/text-model.js'
import type { Vocabulary, VocabularyName } from './vocabulary.js'

/** Turns inputs that came as token ids into texts; a request of texts comes back as it is. */
export type Detokenize = (request: EmbedRequest) => Promise<EmbedRequest>

interface Options {
  loadVocabulary: (name: VocabularyName) => Promise<Vocabulary>
  /** Bytes that the texts of one request may have together. */
  maxTextBytes: number
}

/**
 * Token ids → texts, for the models whose original service takes ids (OpenAI's; LangChain sends them by default).
 *
 * The ids are of the original service's vocabulary, which has nothing to do with the serving model's; so they become
 * bytes, and the bytes text. Bytes that are no UTF-8, such as half a character at the end of a chunk, become U+FFFD.
 * A vocabulary is loaded at the first request that needs it, and kept.
 *
 * @throws {ApiError} (by the function returned) `model_not_found`; `invalid_parameter` for a model that takes texts
 *   only, and for a number that is no id; `body_too_large`, since a few megabytes of ids can stand for a hundred of text.
 */
export function createDetokenize(catalog: Catalog, { loadVocabulary, maxTextBytes }: Options): Detokenize {
  const loading = new Map<VocabularyName, Promise<Vocabulary>>()
  return async ({ tokenArrays, ...request }) => {
    if (tokenArrays === undefined) return request
    const model = catalog.get(request.model)
    const name = model.tokenArrays
    if (name === undefined) throw textsOnly(model, request.fields.inputs)
    const vocabulary = loading.get(name) ?? loadVocabulary(name)
    loading.set(name, vocabulary)
    const loaded = await vocabulary
    let room = maxTextBytes
    const inputs = tokenArrays.map((ids, index) => {
      const tokens = ids.map((id, position) => {
        const token = loaded.findToken(id)
        if (token === undefined) throw unknownId({ id, position, field: `${request.fields.inputs}[${index}]` }, loaded)
        room -= token.length
        if (room >= 0) return token
        throw new ApiError(
          'body_too_large',
          `Payload Too Large: texts may have ${maxTextBytes} bytes, these have more.`,
        )
      })
      return Buffer.concat(tokens).toString()
    })
    return { ...request, inputs }
  }
}

/** The beginning is the live service's reply; LangChain users are the ones who meet it. */
function textsOnly(model: TextModel, field: string): ApiError {
  return invalidInput(
    `Value error, contents is neither str nor list of str.: input.contents (${field} is token ids, ${model.id} takes texts; in LangChain set check_embedding_ctx_length=False)`,
    field,
  )
}

function unknownId(
  { id, position, field }: { id: number; position: number; field: string },
  { name, lastId }: Vocabulary,
): ApiError {
  return invalidInput(
    `Value error, token ${position} of ${field} is ${id}, which is no id of ${name}; its ids are 0 to ${lastId}, with gaps.`,
    field,
  )
}
