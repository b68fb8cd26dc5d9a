import { ApiError, oss, parseWith } from '@quiver/protocol'
import { checkPolicy } from '../../files/upload-policy.js'
import type { Endpoint } from '../endpoint.js'
import { type FormPart, readForm } from '../read-form.js'

/** What is uploaded for a request is kept this long, as the service does. */
const UPLOAD_LIFE_SECONDS = 48 * 3_600

export const postObject: Endpoint = {
  method: 'POST',
  paths: ['/uploads'],
  dialect: 'oss',
  isPublic: true, // the policy is the key
  tag: 'DashScope',
  summary: 'Upload a temporary file with a policy',
  description: "OSS's PostObject. Success has no body; afterwards `oss://` and the key name the file.",
  form: oss.PostForm,
  async handle({ services: { files, signer }, request, reply, signal }) {
    const fields: Record<string, string> = {}
    for await (const part of readForm(request, files.limits)) {
      if (part.kind === 'field') fields[part.name] = part.value
      else {
        reply.code(await store(part, fields))
        return ''
      }
    }
    throw new ApiError('invalid_body', 'The body of your POST request is not well-formed multipart/form-data: no file.')

    /** The file is the last part that counts, so everything else is known when it begins. @returns the status asked for. */
    async function store(file: FormPart & { kind: 'file' }, form: Record<string, string>): Promise<number> {
      const parsed = parseWith(oss.PostForm.omit({ file: true }), form)
      const { project, model, maxBytes } = checkPolicy(parsed, { signer, now: new Date() })
      const id = `oss://${parsed.key}`
      if ((await files.findUpload(project, id)) !== undefined) throw alreadyThere()
      const arrival = await files.receive(file.bytes, { project, maxBytes, signal })
      const filename = parsed.key.split('/').at(-1) ?? ''
      const kept = await files.keep(arrival, {
        project,
        purpose: 'upload',
        filename,
        lifeSeconds: UPLOAD_LIFE_SECONDS,
        upload: { id, model },
      })
      if (kept.blobKey === arrival.blobKey) return Number(parsed.success_action_status)
      await files.discard(arrival) // another form with the same key was faster
      throw alreadyThere()
    }
  },
}

function alreadyThere(): ApiError {
  return new ApiError('already_exists', 'The object you specified already exists and can not be overwritten.')
}
