import { fieldOf, inOrder, listOf, type Protocol, tokensOf, vectorOf, wordsOf } from './protocol.js'

/**
 * DashScope's own endpoint. The service puts its prompts in front itself, chosen by `text_type` and `instruct`, which
 * therefore travel; it has no switch to turn them off. A text that is too long is an error there.
 */
export const dashscope: Protocol = {
  name: 'dashscope',
  maxTexts: 10,
  hasOwnPrompts: true,
  hasBase64: false,
  tokenRoutes: [],
  encode: ({ model, texts, dimension, textType, instruct }) => ({
    path: '/services/embeddings/text-embedding/text-embedding',
    base: '/api/v1',
    body: {
      model,
      input: { texts },
      parameters: {
        text_type: textType,
        output_type: 'dense',
        ...(dimension !== undefined && { dimension }),
        ...(instruct !== undefined && { instruct }),
      },
    },
  }),
  decode(answer, count) {
    const tokens = tokensOf(fieldOf(fieldOf(answer, 'usage'), 'total_tokens'))
    const records = inOrder(listOf(fieldOf(fieldOf(answer, 'output'), 'embeddings'), count), 'text_index')
    return {
      vectors: records.map((record) => vectorOf(fieldOf(record, 'embedding'))),
      ...(tokens !== undefined && { tokens }),
    }
  },
  textFault: (_status, body) => (/Range of input length should be/.test(wordsOf(body)) ? 'too_long' : undefined),
}
