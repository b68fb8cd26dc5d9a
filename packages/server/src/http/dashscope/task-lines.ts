import { isUtf8 } from 'node:buffer'
import { ApiError, dashscope, ERRORS, invalidInput, messageOf } from '@quiver/protocol'
import { z } from 'zod'
import type { Catalog } from '../../catalog/catalog.js'
import { check } from '../../catalog/check.js'
import { TextModel } from '../../catalog/text-model.js'
import type { Fault, Job } from '../../jobs/job.js'
import type { LineFormat, LineOutcome, LineWork } from '../../jobs/line-format.js'
import type { InputLine } from '../../jobs/lines.js'
import { encodeJson } from '../encode-json.js'
import { textOf } from '../line-text.js'

/** What a task keeps of its submission. */
export const TaskOptions = z.object({
  textType: z.enum(['query', 'document']),
  requestId: z.string(),
  isOssAllowed: z.boolean(),
  overlong: TextModel.shape.overlong.optional(),
})
export type TaskOptions = z.output<typeof TaskOptions>

/** No text of 2,048 tokens is that long; a line that is need not be read to its end to be refused. */
const MAX_LINE_BYTES = 1024 * 1024
const NOT_TEXT: Fault = { code: 'InvalidFile.TypeNotTxt', message: 'File type should be txt' }

/** The lines of a task's file: each a text; the result has a line for each of them, errors among them. */
export function createTaskLines(catalog: Catalog): LineFormat {
  const modelOf = ({ model = '' }: Pick<Job, 'model'>) => catalog.get(model)
  const limits = catalog
    .list()
    .flatMap(({ asynchronous }) => asynchronous ?? [])
    .reduce(
      (most, { maxLines, maxFileBytes }) => ({
        maxLines: Math.max(most.maxLines, maxLines),
        maxBytes: Math.max(most.maxBytes, maxFileBytes),
      }),
      { maxLines: 0, maxBytes: 0 },
    )
  const requestOf = (line: InputLine, job: Job): LineWork['request'] => {
    const model = modelOf(job)
    const text = textOf(line)
    if (text === undefined) return tooLong(model.maxInputTokens)
    if (text.trim() === '') return 'blank'
    const { textType, overlong } = TaskOptions.parse(job.options)
    const fields = { inputs: 'line', dimension: 'parameters.dimension' }
    return check(
      { model: model.id, inputs: [text], textType, outputType: 'dense', fields, ...(overlong && { overlong }) },
      catalog,
      { isJob: true },
    )
  }
  return {
    limits: { ...limits, maxLineBytes: MAX_LINE_BYTES },
    isCompressed: true,
    faultOfName: (name) => (/\.[a-z]{2,5}$/i.test(name) && !/\.txt$/i.test(name) ? NOT_TEXT : undefined),
    survey(job) {
      let isText = true
      return {
        add({ bytes }) {
          isText &&= bytes === undefined || (isUtf8(bytes) && !bytes.includes(0))
          return true
        },
        finish: () => ({ model: modelOf(job).id, faults: isText ? [] : [NOT_TEXT] }),
      }
    },
    async read(line, job) {
      const { index } = line
      const encode = (outcome: LineOutcome) => ({
        to: 'output' as const,
        bytes: Buffer.concat([encodeJson(dashscope.encodeTaskLine(index, toResult(outcome))), NEWLINE]),
      })
      try {
        return { request: requestOf(line, job), encode }
      } catch (error) {
        // The model is no longer there: the whole task's fault, until it is given up for that.
        if (!(error instanceof ApiError) || job.outcome === undefined) throw error
        return { request: error, encode }
      }
    },
    priceMicrosPer1kTokens: ({ priceMicrosPer1kTokens }) => priceMicrosPer1kTokens,
    toFault: (error) => ({ code: ERRORS[error.row][1], message: messageOf(error, 'dashscope') }),
    refuse(reason) {
      if (reason === 'empty') return { code: 'InvalidFile.Empty', message: 'The file has no lines.' }
      const allowed =
        reason === 'too_large' ? `${limits.maxBytes} bytes` : `${limits.maxLines.toLocaleString('en')} lines`
      return { code: 'InvalidFile.TooLarge', message: `The file may have ${allowed}; it has more.` }
    },
  }
}

const NEWLINE = Buffer.from('\n')

function tooLong(maxInputTokens: number): ApiError {
  return invalidInput(
    `Range of input length should be [1, ${maxInputTokens}]: the line has more than ${MAX_LINE_BYTES} bytes.`,
    'line',
  )
}

function toResult(outcome: LineOutcome) {
  if (outcome === 'blank') return undefined
  if (outcome === 'cancelled' || outcome === 'expired')
    return new ApiError('timed_out', 'The task was not computed in its time.')
  return 'error' in outcome ? outcome.error : outcome.result
}
