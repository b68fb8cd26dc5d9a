/** How long a statement waits for another connection's transaction, such as a backup's. */
export const BUSY_TIMEOUT_MS = 10_000
/** The write-ahead log is cut to this after a checkpoint, so that one large transaction does not keep the disk. */
const WAL_BYTES = 64 * 1024 * 1024

/** What every connection to the database begins with: a commit that returned is on the disk (`synchronous=FULL`). */
export const PRAGMAS = [
  'journal_mode = WAL',
  'synchronous = FULL',
  'foreign_keys = ON',
  `busy_timeout = ${BUSY_TIMEOUT_MS}`,
  `journal_size_limit = ${WAL_BYTES}`,
] as const
