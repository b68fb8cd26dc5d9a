import { type EmbedRequest, type EmbedResult, tei } from '@quiver/protocol'
import type { Exchange, Services } from '../endpoint.js'
import { runEmbed } from '../run-embed.js'

/** What decoding needs to know beyond the request. */
export function contextOf({ defaultModel, inspect }: Services): tei.TeiContext {
  return {
    model: defaultModel.id,
    textOf: (ids, field) => inspect.decode(defaultModel, ids, { keepSpecial: false, field }),
  }
}

/** {@link runEmbed} with the original's limit of inputs, and its header for the tokens of a request. */
export async function runTeiEmbed(request: EmbedRequest, exchange: Exchange): Promise<EmbedResult> {
  const result = await runEmbed(request, exchange, { maxInputs: tei.MAX_CLIENT_BATCH_SIZE })
  exchange.reply.header('x-compute-tokens', result.totalTokens)
  return result
}
