import { ApiError, openai } from '@quiver/protocol'
import type { FastifyRequest } from 'fastify'
import type { StoredFile } from '../../files/file-index.js'
import type { Arrival, Files } from '../../files/files.js'
import { callerOf } from '../caller-of.js'
import type { Endpoint } from '../endpoint.js'
import { readForm } from '../read-form.js'
import { sendBytes } from '../send-bytes.js'

const MAX_NAME_LENGTH = 255

const COMMON = { dialect: 'openai', tag: 'OpenAI-compatible' } as const
const ONE = ['/compatible-mode/v1/files/:id', '/v1/files/:id'] as const

export const uploadFile: Endpoint = {
  ...COMMON,
  method: 'POST',
  paths: ['/compatible-mode/v1/files', '/v1/files'],
  summary: 'Upload a file',
  form: openai.UploadForm,
  response: openai.FileObject,
  async handle({ services: { files }, request, signal }) {
    const { project } = callerOf(request)
    const { arrival, filename, fields } = await receiveForm(request, { files, project, signal })
    try {
      const { purpose, lifeSeconds } = openai.parseUploadFields(fields)
      if (arrival.bytes === 0) throw new ApiError('invalid_parameter', 'File is empty.', { param: 'file' })
      return toFileObject(await files.keep(arrival, { project, purpose, filename, lifeSeconds }))
    } catch (error) {
      await files.discard(arrival)
      throw error
    }
  },
}

export const listFiles: Endpoint = {
  ...COMMON,
  method: 'GET',
  paths: ['/compatible-mode/v1/files', '/v1/files'],
  summary: 'List the files',
  description: 'Query: `limit`, `after`, `order` (`desc`), `purpose`, `create_after`, `create_before`.',
  response: openai.FileList,
  async handle({ services, request }) {
    const { after, ...query } = openai.parseFilesQuery(request.query)
    const { project } = callerOf(request)
    const { files, hasMore } = await services.files.list({ ...query, project, afterId: after })
    const data = files.map(toFileObject)
    return {
      object: 'list',
      data,
      first_id: data[0]?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
      has_more: hasMore,
    }
  },
}

export const showFile: Endpoint = {
  ...COMMON,
  method: 'GET',
  paths: ONE,
  summary: 'Show one file',
  response: openai.FileObject,
  handle: async ({ services: { files }, request }) =>
    toFileObject(await files.get(callerOf(request).project, idOf(request))),
}

export const deleteFile: Endpoint = {
  ...COMMON,
  method: 'DELETE',
  paths: ONE,
  summary: 'Delete a file',
  response: openai.DeletedFile,
  async handle({ services: { files }, request }) {
    const id = idOf(request)
    await files.remove(callerOf(request).project, id)
    return { id, object: 'file', deleted: true }
  },
}

export const fileContent: Endpoint = {
  ...COMMON,
  method: 'GET',
  paths: ['/compatible-mode/v1/files/:id/content', '/v1/files/:id/content'],
  summary: 'The bytes of a file',
  isBytes: true,
  async handle({ services: { files }, request, reply, signal }) {
    const file = await files.get(callerOf(request).project, idOf(request))
    const { bytes, filename } = file
    const read = (range: { start: number; end: number }) => files.read(file, { ...range, signal })
    return sendBytes({ bytes, filename, mediaType: 'application/octet-stream', read }, { request, reply })
  },
}

/** Take in the one file of a form, whatever comes before or behind it; what is wrong with the form leaves nothing. */
async function receiveForm(
  request: FastifyRequest,
  { files, project, signal }: { files: Files; project: string; signal: AbortSignal },
): Promise<{ arrival: Arrival; filename: string; fields: Record<string, string> }> {
  const fields: Record<string, string> = {}
  let received: { arrival: Arrival; filename: string } | undefined
  try {
    for await (const part of readForm(request, files.limits)) {
      if (part.kind === 'field') {
        fields[part.name] = part.value
        continue
      }
      if (part.name !== 'file')
        throw new ApiError('invalid_parameter', 'The file must be the part "file".', { param: 'file' })
      if (fields.purpose !== undefined) openai.parseUploadFields(fields) // before half a gigabyte is taken in
      received = { arrival: await files.receive(part.bytes, { project, signal }), filename: nameOf(part.filename) }
    }
    if (received === undefined)
      throw new ApiError('invalid_parameter', 'The part "file" is missing.', { param: 'file' })
    return { ...received, fields }
  } catch (error) {
    if (received !== undefined) await files.discard(received.arrival)
    throw error
  }
}

/** Last part of a path, without control characters; clients show it to people. */
function nameOf(filename: string): string {
  const name =
    filename
      .split(/[/\\]/)
      .at(-1)
      ?.replace(/\p{Cc}|\p{Cs}/gu, '') ?? ''
  return name.slice(0, MAX_NAME_LENGTH) || 'file'
}

function toFileObject({ id, bytes, createdAt, expiresAt, filename, purpose }: StoredFile): openai.FileObject {
  return {
    id,
    object: 'file',
    bytes,
    created_at: toSeconds(createdAt),
    expires_at: expiresAt === undefined ? null : toSeconds(expiresAt),
    filename,
    purpose,
    status: 'processed',
    status_details: null,
  }
}

const toSeconds = (date: Date) => Math.floor(date.getTime() / 1000)

const idOf = (request: FastifyRequest) => (request.params as { id: string }).id // the route's own parameter
