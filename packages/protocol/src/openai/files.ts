import { z } from 'zod'
import { ApiError } from '../errors.js'
import { parseWith } from '../parse.js'

/** What a file is for. `batch` is what this server computes; the others are kept, listed and given back. */
export const FILE_PURPOSES = [
  'batch',
  'file-extract',
  'assistants',
  'fine-tune',
  'vision',
  'user_data',
  'evals',
] as const
export type FilePurpose = (typeof FILE_PURPOSES)[number]

/** `batch_output` and `batch_error` are made by the server and cannot be uploaded. */
export const FileObject = z.object({
  id: z.string(),
  object: z.literal('file'),
  bytes: z.int(),
  created_at: z.int().describe('Unix seconds.'),
  expires_at: z.int().nullable().describe('Unix seconds; null: kept until it is deleted.'),
  filename: z.string(),
  purpose: z.string(),
  status: z.literal('processed'),
  status_details: z.null(),
})
export type FileObject = z.output<typeof FileObject>

export const FileList = z.object({
  object: z.literal('list'),
  data: z.array(FileObject),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
})
export type FileList = z.output<typeof FileList>

export const DeletedFile = z.object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) })

const MIN_LIFE_SECONDS = 3_600
const MAX_LIFE_SECONDS = 2_592_000

/** The form of `POST …/files`; values are texts, as forms have them. */
export const UploadForm = z.object({
  purpose: z.enum(FILE_PURPOSES),
  file: z.string().meta({ format: 'binary' }),
  'expires_after[anchor]': z.literal('created_at').optional(),
  'expires_after[seconds]': z.coerce
    .number()
    .int()
    .min(MIN_LIFE_SECONDS)
    .max(MAX_LIFE_SECONDS)
    .optional()
    .describe('Life of the file; without it, it is kept until it is deleted.'),
})

/** The fields of {@link UploadForm} without the file. */
export function parseUploadFields(fields: Readonly<Record<string, string>>) {
  const parsed = parseWith(UploadForm.omit({ file: true }), fields, ({ code }, path) =>
    path === 'purpose' && code === 'invalid_value'
      ? { row: 'invalid_parameter', message: `'purpose' must be one of ${FILE_PURPOSES.join(', ')}.` }
      : undefined,
  )
  return { purpose: parsed.purpose, lifeSeconds: parsed['expires_after[seconds]'] }
}

const MAX_PAGE = 10_000

/** DashScope's `yyyyMMddHHmmss`, China time, or Unix seconds. */
export const Instant = z.string().transform((text, context) => {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text) ?? []
  const date =
    y === undefined
      ? new Date(/^\d{1,10}$/.test(text) ? Number(text) * 1000 : Number.NaN)
      : new Date(`${y}-${mo}-${d}T${h}:${mi}:${s}+08:00`)
  if (!Number.isNaN(date.getTime())) return date
  context.addIssue({ code: 'custom', message: 'must be yyyyMMddHHmmss or Unix seconds' })
  return z.NEVER
})

const FilesQuery = z.object({
  after: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
  purpose: z.string().optional(),
  order: z.enum(['asc', 'desc']).default('desc'),
  create_after: Instant.optional(),
  create_before: Instant.optional(),
})

/** Query of `GET …/files`; unknown parameters are ignored. */
export function parseFilesQuery(query: unknown) {
  const { create_after, create_before, ...rest } = parseWith(FilesQuery, query)
  return { ...rest, createdAfter: create_after, createdBefore: create_before }
}

/** An id that is unknown, expired, or of another project: nobody can tell which. */
export function noSuchFile(id: string): ApiError {
  return new ApiError('not_found', `No such File object: ${id.slice(0, 100)}`, { param: 'id' })
}
