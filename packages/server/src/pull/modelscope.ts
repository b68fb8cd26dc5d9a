import { z } from 'zod'
import { getJson, type Reach } from './get-json.js'
import { HttpFailure } from './http.js'
import { PullError } from './pull-error.js'
import type { Repository } from './repository.js'
import { isSafePath } from './safe-path.js'

const Listing = z.object({
  Data: z.object({
    Files: z.array(
      z.object({
        Path: z.string(),
        Type: z.string(),
        Size: z.int().nonnegative(),
        Sha256: z.string().optional(),
      }),
    ),
  }),
})

/**
 * List a public repository of ModelScope. Its listing is one page and gives SHA-256 for every file; it names no commit for
 * a branch, so the source keeps the branch and the hashes say which state it was.
 *
 * @throws {PullError} when there is no such repository or revision.
 * @see the calls of ModelScope's own client, `modelscope.hub.api.HubApi.get_model_files` and `get_file_download_url`
 */
export async function listModelScopeRepository(
  { repository, revision }: { repository: string; revision: string },
  endpoint: string,
  reach: Reach,
): Promise<Repository> {
  const api = `${endpoint.replace(/\/+$/, '')}/api/v1/models/${repository}/repo`
  const at = encodeURIComponent(revision)
  const listing = await getJson(`${api}/files?Revision=${at}&Recursive=true`, reach).catch((error: unknown) => {
    if (!(error instanceof HttpFailure)) throw error
    throw new PullError(
      `ms:${repository} does not exist at ${endpoint}, or has no revision ${revision} (${error.status}).`,
    )
  })
  const parsed = Listing.safeParse(listing.value)
  if (!parsed.success) throw new PullError(`${endpoint}: does not answer like ModelScope.`, { cause: parsed.error })
  return {
    source: `ms:${repository}@${revision}`,
    files: parsed.data.Data.Files.filter(({ Type, Path }) => Type === 'blob' && isSafePath(Path)).map(
      ({ Path: path, Size: bytes, Sha256: hex = '' }) => ({
        path,
        bytes,
        ...(/^[0-9a-f]{64}$/.test(hex) ? { hash: { algorithm: 'sha256' as const, hex } } : {}),
        from: { url: `${api}?Revision=${at}&FilePath=${encodeURIComponent(path)}` },
      }),
    ),
  }
}
