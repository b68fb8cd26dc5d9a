import { type Files, newBlobKey, newFileId } from '../files/files.js'
import type { Published, Publisher } from './finish-job.js'

const NOTHING: Published = { results: {}, keptBytes: 0 }

/** One result, read through a signed URL; it goes when the job is forgotten. */
export const signedResult: Publisher = {
  keyOf: ({ id }) => `results/${id}.txt.gz`,
  publish: async (_job, { output }): Promise<Published> =>
    output === undefined ? NOTHING : { results: { output: output.key }, keptBytes: output.bytes },
}

/**
 * Results as files of the caller. Their ids are made of the job's.
 *
 * @param options.lifeSeconds for how long they are kept; without it, until they are deleted.
 */
export function resultFiles(
  files: Files,
  { now, lifeSeconds }: { now: () => Date; lifeSeconds?: number | undefined },
): Publisher {
  const purposes = { output: 'batch_output', errors: 'batch_error' } as const
  return {
    // A blob that was written and not adopted has no row; the sweep of the files removes it.
    keyOf: () => newBlobKey(now()),
    async publish({ id, project }, results) {
      const ids: Record<string, string> = {}
      for (const name of ['output', 'errors'] as const) {
        const result = results[name]
        if (result === undefined) continue
        const { key: blobKey, bytes, sha256 } = result
        const purpose = purposes[name]
        const fileId = newFileId(purpose, id.replace(/^batch_/, ''))
        const filename = `${id}_${name}.jsonl`
        await files.adopt({ blobKey, bytes, sha256 }, { id: fileId, project, purpose, filename, lifeSeconds })
        ids[name] = fileId
      }
      return { results: ids, keptBytes: 0 }
    },
  }
}
