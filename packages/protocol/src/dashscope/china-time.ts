import { ApiError } from '../errors.js'

const OFFSET_MS = 8 * 3600 * 1000

/** `2025-02-20 14:37:13.328`: the service writes the time of its own place, UTC+8, and says so nowhere. */
export function toChinaTime(at: Date): string {
  return new Date(at.getTime() + OFFSET_MS).toISOString().replace('T', ' ').slice(0, 23)
}

/**
 * `YYYYMMDDhhmmss` of UTC+8, or Unix milliseconds as the Java SDK's own tests send.
 *
 * @throws {ApiError} `invalid_parameter` for anything else.
 */
export function parseChinaTime(text: string, param: string): Date {
  if (/^\d{13}$/.test(text)) return new Date(Number(text))
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text)
  if (parts !== null) {
    const [year, month, day, hour, minute, second] = parts.slice(1)
    const at = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}+08:00`)
    if (!Number.isNaN(at.getTime())) return at
  }
  const message = `Parameter "${param}" must be a time as YYYYMMDDhhmmss (UTC+8); got ${JSON.stringify(text.slice(0, 40))}.`
  throw new ApiError('invalid_parameter', message, { param })
}
