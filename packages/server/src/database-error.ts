/** The database cannot be opened or read; the message says which one, why, and what to do, in one line and without a password. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
}
