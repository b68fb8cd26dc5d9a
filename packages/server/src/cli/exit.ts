/** Exit codes of every command; 3 and 4 are the verdicts of `quiver verify`. */
export const EXIT = { ok: 0, failure: 1, usage: 2, otherArithmetic: 3, different: 4, interrupted: 130 } as const

/** A failure that is the user's to mend: one line, no stack. */
export class UserError extends Error {
  override readonly name = 'UserError'
  constructor(
    message: string,
    readonly exitCode: number = EXIT.failure,
  ) {
    super(message)
  }
}

/** What the operating system refuses: its message names the reason and the path (`EACCES: permission denied, open '…'`). */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error
}
