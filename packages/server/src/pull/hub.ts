import { z } from 'zod'
import { getJson, type Reach } from './get-json.js'
import { type Credentials, HttpFailure } from './http.js'
import { PullError } from './pull-error.js'
import type { OfferedFile, PromisedHash, Repository } from './repository.js'
import { isSafePath } from './safe-path.js'

/** A Hugging Face Hub or a mirror of one. */
export interface Hub {
  /** `HF_ENDPOINT`: `https://huggingface.co`. */
  endpoint: string
  /** `HF_TOKEN`; goes to the endpoint and to no other host. */
  token?: string
}

/** Cards are written by hand: what is no string says nothing. */
const word = z.string().optional().catch(undefined)
const Info = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  cardData: z.object({ license: word, license_name: word }).nullish(),
})
const Entry = z.object({
  type: z.string(),
  path: z.string(),
  size: z.int().nonnegative(),
  oid: z.string(),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().nonnegative() }).optional(),
})

/** Pages of a listing; a model's repository has one or two of 1,000 entries. */
const MAX_PAGES = 50

/**
 * List a repository: the branch or tag becomes a commit first, and all else is asked of that commit, so that files of two
 * states of a branch never meet.
 *
 * Lengths and hashes are the hub's own: SHA-256 for files in LFS, git's blob hash for the others.
 *
 * @throws {PullError} naming what is missing: the repository, the revision, the token, or consent to its terms.
 * @see https://huggingface.co/docs/hub/api
 */
export async function listHubRepository(
  { repository, revision }: { repository: string; revision: string },
  { endpoint, token }: Hub,
  reach: Reach,
): Promise<Repository> {
  const base = endpoint.replace(/\/+$/, '')
  const credentials = token === undefined ? undefined : { origin: new URL(base).origin, token }
  try {
    const api = `${base}/api/models/${repository}`
    const info = Info.parse(
      (await getJson(`${api}/revision/${encodeURIComponent(revision)}`, reach, credentials)).value,
    )
    const entries = await listTree(`${api}/tree/${info.sha}?recursive=true`, reach, credentials)
    const license = info.cardData?.license_name ?? info.cardData?.license
    return {
      source: `hf:${repository}@${info.sha}`,
      ...(license === undefined ? {} : { license }),
      files: entries.flatMap((entry) => toOfferedFile(entry, `${base}/${repository}/resolve/${info.sha}`, credentials)),
    }
  } catch (error) {
    throw inHubTerms(error, { repository, revision, base, hasToken: token !== undefined })
  }
}

async function listTree(first: string, reach: Reach, credentials?: Credentials): Promise<z.output<typeof Entry>[]> {
  const entries: z.output<typeof Entry>[] = []
  let url: string | undefined = first
  for (let page = 0; url !== undefined; page++) {
    if (page === MAX_PAGES) throw new PullError(`${new URL(first).host}: the listing has more than ${MAX_PAGES} pages.`)
    const { value, headers } = await getJson(url, reach, credentials)
    entries.push(...z.array(Entry).parse(value))
    url = nextPage(headers.link, url)
  }
  return entries
}

/** RFC 8288: `<https://…&cursor=…>; rel="next"`. */
function nextPage(link: string | string[] | undefined, current: string): string | undefined {
  const target = /<([^>]+)>\s*;\s*rel="?next"?/.exec([link].flat().join(','))?.[1]
  return target === undefined ? undefined : new URL(target, current).href
}

function toOfferedFile(entry: z.output<typeof Entry>, base: string, credentials?: Credentials): OfferedFile[] {
  const { type, path, size, oid, lfs } = entry
  if (type !== 'file' || !isSafePath(path)) return []
  const hash: PromisedHash | undefined =
    lfs !== undefined
      ? { algorithm: 'sha256', hex: lfs.oid }
      : /^[0-9a-f]{40}$/.test(oid)
        ? { algorithm: 'git', hex: oid }
        : undefined
  const url = `${base}/${path.split('/').map(encodeURIComponent).join('/')}`
  return [{ path, bytes: lfs?.size ?? size, ...(hash && { hash }), from: { url, ...(credentials && { credentials }) } }]
}

/** The hub answers 401 for what does not exist as for what is private, so that nobody learns which. */
function inHubTerms(
  error: unknown,
  { repository, revision, base, hasToken }: { repository: string; revision: string; base: string; hasToken: boolean },
): unknown {
  if (error instanceof z.ZodError) {
    return new PullError(`${base}: does not answer like a Hugging Face Hub; is HF_ENDPOINT right?`, { cause: error })
  }
  if (!(error instanceof HttpFailure)) return error
  const { status, code } = error
  if (code === 'GatedRepo') {
    const token = hasToken ? 'the account of HF_TOKEN has not agreed to them' : 'HF_TOKEN is not set'
    return new PullError(
      `hf:${repository} is only given to those who agree to its terms: ${token}. ${base}/${repository}`,
    )
  }
  if (code === 'RevisionNotFound') return new PullError(`hf:${repository} has no revision ${revision}.`)
  if (status === 401 || status === 403 || status === 404) {
    const token = hasToken ? 'or HF_TOKEN may not read it' : 'or it is private and HF_TOKEN is not set'
    return new PullError(`hf:${repository} does not exist at ${base}, ${token} (${status}).`)
  }
  return error
}
