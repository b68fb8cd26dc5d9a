import { hash, randomUUID } from 'node:crypto'
import { ApiError } from '@quiver/protocol'
import { ACCESS_KEY_ID, type UrlSigner } from './signed-url.js'

/** Leave to upload one folder's files for requests of one project and model. */
export interface UploadPolicy {
  /** Base64 of JSON, as OSS has it. */
  policy: string
  signature: string
  accessKeyId: string
  /** Keys of the files are below it. */
  folder: string
}

/** What a policy that was checked allows. */
export interface UploadGrant {
  project: string
  model: string
  maxBytes: number
}

/** In this time the upload must have begun. */
export const POLICY_LIFE_SECONDS = 300

const USE = 'policy'
const MAX_KEY_LENGTH = 1_023

/** Everything a policy says is in the policy itself, signed: nothing is stored before a file arrives. */
interface PolicyDocument {
  expiration: string
  conditions: [
    ['content-length-range', 0, number],
    ['starts-with', '$key', string],
    { 'x-oss-object-acl': 'private' },
    { 'x-oss-forbid-overwrite': 'true' },
  ]
  quiver: { project: string; model: string }
}

export function issuePolicy(
  { project, model, maxBytes }: UploadGrant,
  { signer, now }: { signer: UrlSigner; now: Date },
): UploadPolicy {
  const owner = hash('sha256', project).slice(0, 32)
  const folder = `dashscope-instant/${owner}/${now.toISOString().slice(0, 10)}/${randomUUID()}`
  const document: PolicyDocument = {
    expiration: new Date(now.getTime() + POLICY_LIFE_SECONDS * 1000).toISOString(),
    conditions: [
      ['content-length-range', 0, maxBytes],
      ['starts-with', '$key', `${folder}/`],
      { 'x-oss-object-acl': 'private' },
      { 'x-oss-forbid-overwrite': 'true' },
    ],
    quiver: { project, model },
  }
  const policy = Buffer.from(JSON.stringify(document)).toString('base64')
  return { policy, signature: signer.sign(USE, policy), accessKeyId: ACCESS_KEY_ID, folder }
}

/**
 * What the form of an upload may do.
 *
 * @throws {ApiError} `invalid_signature`, or `access_denied` in OSS's words when the policy has expired or does not allow it.
 */
export function checkPolicy(
  form: { policy: string; Signature: string; OSSAccessKeyId: string; key: string },
  { signer, now }: { signer: UrlSigner; now: Date },
): UploadGrant {
  if (form.OSSAccessKeyId !== ACCESS_KEY_ID || !signer.isSigned(USE, form.policy, form.Signature)) {
    throw new ApiError(
      'invalid_signature',
      'The request signature we calculated does not match the signature you provided.',
    )
  }
  // Signed by issuePolicy, so it has the shape that issuePolicy gave it.
  const document = JSON.parse(Buffer.from(form.policy, 'base64').toString()) as PolicyDocument
  const [[, , maxBytes], [, , start]] = document.conditions
  if (Date.parse(document.expiration) <= now.getTime()) {
    throw new ApiError('access_denied', 'Invalid according to Policy: Policy expired.')
  }
  const name = form.key.slice(start.length)
  const isName = name !== '' && !/[/\\]|\p{Cc}/u.test(name) && form.key.length <= MAX_KEY_LENGTH
  if (!form.key.startsWith(start) || !isName) {
    throw new ApiError(
      'access_denied',
      `Invalid according to Policy: Policy Condition failed: ["starts-with", "$key", "${start}"]`,
    )
  }
  return { ...document.quiver, maxBytes }
}
