/** Vectors that belong to another vector space than those that a job has: they must never stand in one result. */
export class ForeignSpace extends Error {
  override readonly name = 'ForeignSpace'
  constructor(
    readonly expected: string,
    readonly actual: string,
  ) {
    super(`the job is computed in ${expected}; this process computes in ${actual}`)
  }
}
