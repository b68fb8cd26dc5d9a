import { setImmediate as turn } from 'node:timers/promises'
import { invalidInput } from '@quiver/protocol'
import type { CheckedRequest } from '../catalog/check.js'
import type { Engine } from '../engines/engine.js'
import type { TextToEmbed } from './text-vectors.js'

/** Even a text that is embedded whole ends somewhere: 262 windows, seconds of one core. */
const MAX_CHUNKED_TOKENS = 131_072
/** How long texts may be made ready before others get a turn of the event loop. */
const LONGEST_TURN_MS = 10

/**
 * Make all texts of a request ready, in its order.
 *
 * @throws {ApiError} `invalid_parameter` for a text of no tokens, or of too many where it is not to be cut, by its
 *   position.
 * @throws the signal's reason when it is aborted.
 */
export async function prepareAll(engine: Engine, request: CheckedRequest, signal: AbortSignal): Promise<TextToEmbed[]> {
  const { overlong, model, cutAt, textType, instruct } = request
  const options: TextToEmbed['options'] = {
    textType,
    instruct,
    maxTokens: overlong === 'chunk-mean' ? Math.max(model.maxInputTokens, MAX_CHUNKED_TOKENS) : model.maxInputTokens,
    keep: overlong === 'truncate' && cutAt === 'start' ? 'end' : 'start',
  }
  const texts: TextToEmbed[] = []
  let turnEndsAt = performance.now() + LONGEST_TURN_MS
  for (const [index, text] of request.inputs.entries()) {
    texts.push(await prepare(engine, { text, options, index }, request, signal))
    if (performance.now() < turnEndsAt) continue
    await turn()
    turnEndsAt = performance.now() + LONGEST_TURN_MS
  }
  return texts
}

async function prepare(
  engine: Engine,
  { text, options, index }: Pick<TextToEmbed, 'text' | 'options'> & { index: number },
  { overlong, inputsField }: CheckedRequest,
  signal: AbortSignal,
): Promise<TextToEmbed> {
  const prepared = await engine.prepare(text, { ...options, signal })
  if (prepared.tokens > 0 && (overlong === 'truncate' || !prepared.isOverLimit)) return { text, prepared, options }
  const { maxTokens } = options
  const came = prepared.tokens > 0 ? `has more than ${maxTokens} tokens` : 'has no tokens'
  const param = `${inputsField}[${index}]`
  throw invalidInput(`Range of input length should be [1, ${maxTokens}]: ${param} ${came}.`, param)
}
