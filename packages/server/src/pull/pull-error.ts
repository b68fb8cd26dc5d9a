/** A pull that cannot succeed as it was asked for; the message is one line for the person who asked. */
export class PullError extends Error {
  override readonly name = 'PullError'
}

/** A failure of the moment: the connection broke, the server is busy. Worth another try. */
export class TransientError extends Error {
  override readonly name = 'TransientError'
  constructor(
    message: string,
    /** How long the server asked to wait. */
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** The errno of a failed call of the system: `ENOSPC`, `ENOENT` …; or what the error says. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.message : String(error)
}

/** What a full or unwritable disk says, in words; `undefined` for any other error. */
export function diskError(error: unknown): PullError | undefined {
  const reason = reasonOf(error)
  if (['ENOSPC', 'EDQUOT', 'EFBIG'].includes(reason)) {
    const advice = 'What came so far is kept: make room and run the same command again.'
    return new PullError(`the disk is full (${reason}). ${advice}`, { cause: error })
  }
  if (['EIO', 'EROFS', 'EACCES', 'EPERM', 'ENOTDIR'].includes(reason)) {
    return new PullError(`the models' folder cannot be written (${reason}).`, { cause: error })
  }
  return undefined
}
