import { ApiError, type EmbedRequest, type EmbedResult, tei } from '@quiver/protocol'
import type { Exchange } from '../endpoint.js'
import { runEmbed } from '../run-embed.js'

/** What decoding needs to know beyond the request. */
export async function contextOf({
  services: { defaultModel, inspect },
  signal,
}: Pick<Exchange, 'services' | 'signal'>): Promise<tei.TeiContext> {
  // Whether the tokenizer is somebody else's matters only if an input is token ids.
  const tokens = await inspect.tokensOf(defaultModel, signal).catch((error: unknown) => {
    if (error instanceof ApiError && error.row === 'not_supported') return error
    throw error
  })
  return {
    model: defaultModel.id,
    textOf(ids, field) {
      if (tokens instanceof ApiError) throw tokens
      return tokens.decode(ids, { keepSpecial: false, field })
    },
  }
}

/** {@link runEmbed} with the original's limit of inputs, and its header for the tokens of a request. */
export async function runTeiEmbed(request: EmbedRequest, exchange: Exchange): Promise<EmbedResult> {
  const result = await runEmbed(request, exchange, { maxInputs: tei.MAX_CLIENT_BATCH_SIZE })
  exchange.reply.header('x-compute-tokens', result.totalTokens)
  return result
}
