import type { ApiError } from '@quiver/protocol'
import type { CheckedRequest } from '../catalog/check.js'
import type { TextModel } from '../catalog/text-model.js'
import type { Embedded } from '../embedding/embed.js'
import type { EarlyOutcome, Fault, Job } from './job.js'
import type { InputLine } from './lines.js'

/** What became of a line. `blank`: there was nothing to compute. The early outcomes: it was not computed in time. */
export type LineOutcome = { result: Embedded } | { error: ApiError } | 'blank' | Exclude<EarlyOutcome, 'failed'>

/** A line as it is computed. */
export interface LineWork {
  /** What it asks for; an error when it cannot be asked; `blank` when it asks for nothing, and has an answer all the same. */
  request: CheckedRequest | ApiError | 'blank'
  /** Its line in one of the results, with the end. */
  encode(outcome: LineOutcome): { to: 'output' | 'errors'; bytes: Uint8Array }
}

/** Looks at every line once before any is computed. */
export interface LineSurvey {
  /** @returns whether the line has an answer; what has none counts nowhere but in the numbers of the lines behind it. */
  add(line: InputLine): boolean
  /** What all lines together say. @returns faults when nothing shall be computed. */
  finish(): { model: string; faults: readonly Fault[] }
}

/** What one kind of job makes of its lines; lives beside the endpoint whose words it speaks. */
export interface LineFormat {
  /** What an input may have. */
  readonly limits: { maxBytes: number; maxLines: number; maxLineBytes: number }
  /** Whether results are gzip: each part a member, so that parts put one behind another are one file. */
  readonly isCompressed: boolean
  /** What is wrong with an input of this name, if its name says so. */
  faultOfName(name: string): Fault | undefined
  survey(job: Job): LineSurvey
  /**
   * Never throws for what the line holds. `undefined`: the line is passed over, without an answer.
   *
   * @throws {ApiError} what keeps the whole job from being computed; never of one that ends early, whose lines are read to
   * say that they were not computed.
   */
  read(line: InputLine, job: Job): Promise<LineWork | undefined>
  /** Price of this kind of job. */
  priceMicrosPer1kTokens(model: TextModel): number
  /** The fault that ends a job, in the words of its dialect. */
  toFault(error: ApiError): Fault
  /** An input that does not fit the limits, or has no lines. */
  refuse(reason: 'too_many_lines' | 'too_large' | 'empty'): Fault
}
