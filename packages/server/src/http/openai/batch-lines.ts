import { createHash } from 'node:crypto'
import { ApiError, ERRORS, messageOf, openai, statusOf } from '@quiver/protocol'
import { BATCH_LIMITS, TEST_MODEL } from '../../catalog/batch.js'
import type { Catalog } from '../../catalog/catalog.js'
import { check } from '../../catalog/check.js'
import type { Detokenize } from '../../embedding/detokenize.js'
import type { Fault, Job } from '../../jobs/job.js'
import type { LineFormat, LineOutcome, LineSurvey, LineWork } from '../../jobs/line-format.js'
import type { InputLine } from '../../jobs/lines.js'
import { encodeJson } from '../encode-json.js'
import { textOf } from '../line-text.js'
import { VECTOR_TO_WIRE } from '../vector-to-wire.js'
import { BatchOptions } from './batch-options.js'

/** Faults that are listed; a file that is no batch at all would have one a line. */
const MAX_FAULTS = 100
const NEWLINE = Buffer.from('\n')

/** The lines of a batch's file: each a request of its own, with an id that its answer repeats. */
export function createBatchLines({ catalog, detokenize }: { catalog: Catalog; detokenize: Detokenize }): LineFormat {
  return {
    limits: BATCH_LIMITS,
    isCompressed: false,
    faultOfName: () => undefined,
    survey: (job) => new BatchSurvey(job, catalog),
    async read(line, job) {
      if (isBlank(line)) return undefined
      return isTest(job) ? readTestLine(line, job) : readLine(line, job, { catalog, detokenize })
    },
    priceMicrosPer1kTokens: ({ batchPriceMicrosPer1kTokens }) => batchPriceMicrosPer1kTokens,
    toFault: (error) => ({ code: ERRORS[error.row][3], message: messageOf(error, 'openai') }),
    refuse(reason) {
      const { maxBytes, maxLines } = BATCH_LIMITS
      if (reason === 'empty') return { code: 'empty_file', message: 'The input file has no lines.' }
      if (reason === 'too_large') {
        return { code: 'file_too_large', message: `The input file may have ${maxBytes} bytes; it has more.` }
      }
      const message = `The input file may have ${maxLines} lines; it has more.`
      return { code: 'too_many_lines', message }
    },
  }
}

function isTest({ options }: Job): boolean {
  return BatchOptions.parse(options).endpoint === TEST_MODEL.endpoint
}

/** Holds every line against the rules of a batch; what is inside its `body` is the endpoint's business. */
class BatchSurvey implements LineSurvey {
  readonly #endpoint: string
  readonly #isTest: boolean
  readonly #catalog: Catalog
  readonly #faults: Fault[] = []
  /** Digests, because 50,000 ids of 512 characters are large. */
  readonly #customIds = new Set<string>()
  #model: string | undefined
  #lines = 0
  #bytes = 0

  constructor(job: Job, catalog: Catalog) {
    this.#endpoint = BatchOptions.parse(job.options).endpoint
    this.#isTest = isTest(job)
    this.#catalog = catalog
  }

  add(line: InputLine): boolean {
    if (isBlank(line)) return false
    this.#lines++
    this.#bytes += line.bytes?.length ?? 0
    if (this.#isTest) this.#checkTestLimits()
    this.#check(line)
    return true
  }

  #check(line: InputLine): void {
    const parsed = parseLine(line)
    if ('code' in parsed) {
      this.#fault(line, parsed)
      return
    }
    const { custom_id, url, body } = parsed
    const digest = createHash('sha256').update(custom_id).digest('base64')
    if (this.#customIds.has(digest)) {
      this.#fault(line, {
        code: 'duplicate_custom_id',
        message: `The custom_id '${custom_id}' for this request is a duplicate of another request. The custom_id parameter must be unique for each request in a batch.`,
        param: 'custom_id',
      })
    }
    this.#customIds.add(digest)
    if (url !== this.#endpoint) {
      this.#fault(line, {
        code: 'invalid_url',
        message: `The url of each line must be the batch's endpoint, ${this.#endpoint}; it is '${url.slice(0, 100)}'.`,
        param: 'url',
      })
    }
    this.#checkModel(line, body.model)
  }

  finish(): { model: string; faults: readonly Fault[] } {
    return { model: this.#model ?? '', faults: this.#faults }
  }

  #checkModel(line: InputLine, model: string): void {
    if (this.#model !== undefined) {
      if (model === this.#model) return
      const message = `The model '${model.slice(0, 128)}' for this request does not match the rest of the batch. Each batch must contain requests for a single model.`
      this.#fault(line, { code: 'mismatched_model', message, param: 'body.model' })
      return
    }
    this.#model = model
    const isKnown = this.#isTest
      ? model === TEST_MODEL.id
      : this.#catalog.list().some(({ id, asynchronous }) => id === model && asynchronous === undefined)
    if (isKnown) return
    const message = `The provided model ${model.slice(0, 128)} is not supported by the Batch API.`
    this.#fault(line, { code: 'model_not_found', message, param: 'body.model' })
  }

  #checkTestLimits(): void {
    const { maxLines, maxBytes } = TEST_MODEL.limits
    if (this.#lines === maxLines + 1) {
      this.#faults.push({ code: 'too_many_lines', message: `A test may have ${maxLines} lines; the file has more.` })
    }
    if (this.#bytes > maxBytes && !this.#faults.some(({ code }) => code === 'file_too_large')) {
      this.#faults.push({ code: 'file_too_large', message: `A test may have ${maxBytes} bytes; the file has more.` })
    }
  }

  #fault({ index }: InputLine, fault: Fault): void {
    if (this.#faults.length < MAX_FAULTS) this.#faults.push({ ...fault, line: index + 1 })
  }
}

/** Editors leave such lines, at the end above all. */
function isBlank(line: InputLine): boolean {
  return textOf(line)?.trim() === ''
}

function parseLine(line: InputLine): openai.BatchLine | Fault {
  const text = textOf(line)
  if (text === undefined) {
    return { code: 'line_too_large', message: `A line may have ${BATCH_LIMITS.maxLineBytes} bytes; it has more.` }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { code: 'invalid_json_line', message: 'This line is not parseable as valid JSON.' }
  }
  const parsed = openai.BatchLine.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const param = issue?.path.join('.') ?? ''
  const message = `Parameter "${param}" of this line is missing or invalid: ${issue?.message ?? ''}.`
  return { code: 'invalid_request_line', message, param }
}

/** @throws {TypeError} for a line that the survey should have refused. */
function getLine(line: InputLine): openai.BatchLine {
  const parsed = parseLine(line)
  if ('code' in parsed) throw new TypeError(`a line that was surveyed is wrong: ${parsed.code}`)
  return parsed
}

async function readLine(
  line: InputLine,
  job: Job,
  { catalog, detokenize }: { catalog: Catalog; detokenize: Detokenize },
): Promise<LineWork> {
  const { custom_id: customId, body } = getLine(line)
  const ids = { id: requestIdOf(job, line), customId }
  try {
    const parsed = openai.parseEmbeddings(body)
    const { overlong } = BatchOptions.parse(job.options)
    const asked = await detokenize(openai.decodeEmbeddings(parsed))
    const request = check({ ...asked, ...(overlong && { overlong }) }, catalog)
    const vectorToWire = VECTOR_TO_WIRE[openai.vectorFormatOf(parsed)]
    return {
      request,
      encode(outcome) {
        if (!hasResult(outcome)) return errorLine(ids, outcome)
        const answer = openai.encodeEmbeddings(outcome.result, { requestId: ids.id, vectorToWire })
        return { to: 'output', bytes: toLine(openai.encodeBatchOutput(ids, answer)) }
      },
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return { request: error, encode: () => errorLine(ids, { error }) }
  }
}

function readTestLine(line: InputLine, job: Job): LineWork {
  const ids = { id: requestIdOf(job, line), customId: getLine(line).custom_id }
  return {
    request: 'blank',
    encode(outcome) {
      if (outcome !== 'blank' && !hasResult(outcome)) return errorLine(ids, outcome)
      const answer = {
        id: ids.id,
        object: 'chat.completion',
        created: Math.floor(job.createdAt.getTime() / 1000),
        model: TEST_MODEL.id,
        choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: TEST_MODEL.answer } }],
        usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
      }
      return { to: 'output', bytes: toLine(openai.encodeBatchOutput(ids, answer)) }
    },
  }
}

type Failure = Exclude<LineOutcome, { result: unknown }>

function hasResult(outcome: LineOutcome): outcome is Exclude<LineOutcome, Failure> {
  return typeof outcome === 'object' && 'result' in outcome
}

function errorLine(ids: { id: string; customId: string }, outcome: Failure): ReturnType<LineWork['encode']> {
  const failure =
    typeof outcome === 'string'
      ? GIVEN_UP[outcome]
      : {
          error: outcome.error,
          status: statusOf(outcome.error, 'openai'),
          body: openai.encodeError(outcome.error, ids.id),
        }
  return { to: 'errors', bytes: toLine(openai.encodeBatchError(ids, failure)) }
}

/** OpenAI's code and words for what the window was too short for. */
const GIVEN_UP = {
  expired: {
    code: 'batch_expired',
    message: 'This request could not be executed before the completion window expired.',
  },
  cancelled: { code: 'batch_cancelled', message: 'This request was not executed: the batch was cancelled.' },
  blank: { code: 'internal_error', message: 'This request was not executed.' },
} as const

function toLine(value: object): Buffer {
  return Buffer.concat([encodeJson(value), NEWLINE])
}

/** The same whenever the line is computed, so that a shard that is computed again says the same. */
function requestIdOf({ id }: Job, { index }: InputLine): string {
  return `batch_req_${createHash('sha256').update(`${id} ${index}`).digest('hex').slice(0, 32)}`
}
