import type { IncomingHttpHeaders } from 'node:http'
import { ApiError, type Overlong } from '@quiver/protocol'
import { TextModel } from '../catalog/text-model.js'

/** Request header, of every dialect: what happens to a text of more tokens than its model takes. */
export const OVERLONG_HEADER = 'x-quiver-overlong'

/** What a request, or the submission of a job, asks; an empty object where it leaves that to the model. @throws {ApiError} `invalid_parameter` */
export function overlongOf(headers: IncomingHttpHeaders): { overlong?: Overlong } {
  const value = headers[OVERLONG_HEADER]
  if (value === undefined) return {}
  const parsed = TextModel.shape.overlong.safeParse(value)
  if (parsed.success) return { overlong: parsed.data }
  const allowed = TextModel.shape.overlong.options.join(', ')
  throw new ApiError('invalid_parameter', `Header ${OVERLONG_HEADER} must be one of ${allowed}.`, {
    param: OVERLONG_HEADER,
  })
}
