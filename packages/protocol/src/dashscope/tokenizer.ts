import { z } from 'zod'
import { ApiError } from '../errors.js'
import { isObject, isString, jsonText, listOf, TextList } from '../list-of.js'
import { parseWith } from '../parse.js'

interface Message {
  content: string
}
const isMessage = (value: unknown): value is Message => isObject(value) && isString(Reflect.get(value, 'content'))
const jsonMessage = { type: 'object', properties: { content: jsonText }, required: ['content'] }

/** Body of `POST /api/v1/tokenizer`; the SDK's `Tokenization.call` sends one of the three kinds of input. */
export const TokenizerBody = z.object({
  model: z.string().min(1).describe('Public model id; the list of models shows which there are.'),
  input: z.object({
    texts: TextList.nullish().describe('Texts, tokenised one after the other.'),
    prompt: z.string().nullish().describe('One text.'),
    messages: listOf(isMessage, 'an object whose `content` is a text', jsonMessage)
      .nullish()
      .describe('Their contents are the texts.'),
  }),
  parameters: z.object({}).nullish(),
})
export type TokenizerBody = z.output<typeof TokenizerBody>

export const TokenizerResponse = z.object({
  output: z.object({ token_ids: z.array(z.int()), tokens: z.array(z.string()) }),
  usage: z.object({ input_tokens: z.int() }),
  request_id: z.string(),
})
export type TokenizerResponse = z.output<typeof TokenizerResponse>

/** @throws {ApiError} naming the first field that is missing or of the wrong type. */
export function parseTokenizer(body: unknown): { model: string; texts: string[] } {
  const { model, input } = parseWith(TokenizerBody, body, (_issue, path) =>
    path === ''
      ? { row: 'invalid_body', message: 'Required body invalid, please check the request body format.' }
      : path === 'model'
        ? { row: 'missing_model', message: 'Required parameter "model" missing from request.' }
        : undefined,
  )
  const texts = input.texts ?? (input.prompt == null ? input.messages?.map(({ content }) => content) : [input.prompt])
  if (texts === undefined || texts.length === 0) {
    throw new ApiError('missing_input', 'Required input parameter missing from request: input.texts or input.prompt.', {
      param: 'input',
    })
  }
  return { model, texts }
}
