import { randomUUID } from 'node:crypto'
import type { Storage } from './assemble-storage.js'
import type { Catalog } from './catalog/catalog.js'
import type { Settings } from './config.js'
import type { SafeFetch } from './egress/safe-fetch.js'
import type { Detokenize } from './embedding/detokenize.js'
import type { Embed } from './embedding/embed.js'
import type { ResolveUserUrl } from './files/resolve-user-url.js'
import { createTaskLines } from './http/dashscope/task-lines.js'
import { TASK_LIFE_MS } from './http/dashscope/tasks.js'
import { createBatchCallback } from './http/openai/batch-callback.js'
import { createBatchLines } from './http/openai/batch-lines.js'
import { callbackKeyOf, deriveCallbackSecret } from './jobs/callback.js'
import { isGone } from './jobs/holder.js'
import { resultFiles, signedResult } from './jobs/publishers.js'
import { type RunningJobs, startJobs } from './jobs/start-jobs.js'
import type { Logger } from './telemetry/log.js'

/** For the whole of a task's or batch's input; at the slowest pace allowed it would be days. */
const INPUT_DEADLINE_MS = 3_600_000
const DAY_SECONDS = 24 * 3600
/** A list of batches looks back that far. */
const BATCH_KEPT_MS = 30 * 24 * 3_600_000

/** What jobs are built on. */
export interface JobParts {
  catalog: Catalog
  embed: Embed
  storage: Storage
  safeFetch: SafeFetch
  resolveUserUrl: ResolveUserUrl
  detokenize: Detokenize
  log: Logger
}

/** What callbacks are signed with: the operator's, or one that is made of the server's own. */
export function callbackSecretOf({ callbackSecret }: Pick<Settings, 'callbackSecret'>, secret: Uint8Array): string {
  return callbackSecret ?? deriveCallbackSecret(secret)
}

/** Work on tasks and batches. */
export async function assembleJobs(
  settings: Settings,
  { catalog, embed, storage, safeFetch, resolveUserUrl, detokenize, log }: JobParts,
): Promise<RunningJobs> {
  const { blobs, files, holder, jobStore: store } = storage
  const now = () => new Date()
  return startJobs({
    store,
    blobs,
    embed,
    openInput: (job, limits) =>
      resolveUserUrl(job.source, {
        ...limits,
        project: job.project,
        model: job.model ?? '',
        isOssAllowed: job.options.isOssAllowed === true,
        deadlineMs: INPUT_DEADLINE_MS,
        param: job.kind === 'task' ? 'input.url' : 'input_file_id',
      }),
    rules: {
      task: {
        format: createTaskLines(catalog),
        publisher: signedResult,
        keptMs: TASK_LIFE_MS,
        wantsNotice: () => false,
        notify: async () => {},
      },
      batch: {
        format: createBatchLines({ catalog, detokenize }),
        publisher: resultFiles(files, { now, lifeSeconds: settings.batchOutputDays * DAY_SECONDS || undefined }),
        keptMs: BATCH_KEPT_MS,
        ...createBatchCallback(safeFetch, { key: callbackKeyOf(callbackSecretOf(settings, storage.secret)), now }),
      },
    },
    holder,
    isGone: (other) => isGone(other, holder),
    slots: settings.role === 'api' ? 0 : settings.jobSlots,
    now,
    newId: randomUUID,
    random: Math.random,
    log,
  })
}
