import { z } from 'zod'
import { TokenizerError } from './tokenizer.js'

const Template = z.object({
  type: z.literal('TemplateProcessing'),
  single: z.array(
    z.union([
      z.object({ SpecialToken: z.object({ id: z.string() }) }),
      z.object({ Sequence: z.object({ id: z.literal('A') }) }),
    ]),
  ),
  special_tokens: z.record(z.string(), z.object({ ids: z.array(z.int().nonnegative()) })),
})
const NamedId = z.tuple([z.string(), z.int().nonnegative()])
const Pair = z.object({ type: z.enum(['BertProcessing', 'RobertaProcessing']), sep: NamedId, cls: NamedId })
const Several = z.object({ type: z.literal('Sequence'), processors: z.array(z.unknown()) })
const Nothing = z.object({ type: z.literal('ByteLevel') })

export interface Frame {
  before: readonly number[]
  after: readonly number[]
}

/** The special ids that a `tokenizer.json`'s post-processor puts around a single text. @throws {TokenizerError} */
export function frameOf(processor: unknown): Frame {
  if (processor === null || processor === undefined || Nothing.safeParse(processor).success)
    return { before: [], after: [] }
  const several = Several.safeParse(processor)
  if (several.success) {
    const frames = several.data.processors.map(frameOf)
    // Each one works on what the one before it left.
    return frames.reduce((all, { before, after }) => ({
      before: [...before, ...all.before],
      after: [...all.after, ...after],
    }))
  }
  const pair = Pair.safeParse(processor)
  if (pair.success) return { before: [pair.data.cls[1]], after: [pair.data.sep[1]] }
  const template = Template.safeParse(processor)
  if (template.success) return templateFrame(template.data)
  const { data } = z.object({ type: z.string() }).safeParse(processor)
  throw new TokenizerError(`post_processor: ${data?.type ?? 'its form'} is not implemented.`)
}

function templateFrame({ single, special_tokens: special }: z.output<typeof Template>): Frame {
  const text = single.findIndex((part) => 'Sequence' in part)
  if (text === -1) throw new TokenizerError('post_processor.single: has no place for the text.')
  const idsOf = (parts: typeof single) =>
    parts.flatMap((part) => {
      if (!('SpecialToken' in part))
        throw new TokenizerError('post_processor.single: repeats the text, which is not implemented.')
      const { id } = part.SpecialToken
      const ids = special[id]?.ids
      if (ids === undefined) throw new TokenizerError(`post_processor.special_tokens: ${id} is missing.`)
      return ids
    })
  return { before: idsOf(single.slice(0, text)), after: idsOf(single.slice(text + 1)) }
}
