/** One thing that was paid for: a request, or the part of a shard whose vectors are of one space. */
export interface Charge {
  /** Made of what is charged, so that a second charge for the same work cannot be written. */
  id: string
  project: string
  keyId: string
  kind: 'request' | 'shard'
  /** Request id, or job id. */
  reference: string
  /** Public model id. */
  model: string
  space: string
  inputs: number
  tokens: number
  /** Millionths of a yuan for 1,000 tokens. */
  priceMicrosPer1kTokens: number
  at: Date
}

/** Price of a charge, exact: micro-units for 1,000 tokens are nano-units (10⁻⁹ yuan) for one. */
export function amountNanos({ tokens, priceMicrosPer1kTokens }: Charge): number {
  return tokens * priceMicrosPer1kTokens
}

/** Sums of what was charged. */
export interface UsageTotals {
  charges: number
  inputs: number
  tokens: number
  amountNanos: number
}

/** What was consumed. Rows are never changed; a shard's are written with its state, by the store of the jobs. */
export interface Ledger {
  /**
   * Keep a charge. When this resolves it outlives the process, however that ends; so whoever answers after it has charged.
   * The same id counts once.
   *
   * @throws whatever keeps it from being written. Nothing says then that it was not: the answer of a commit can be lost.
   */
  record(charge: Charge): Promise<void>
  /** Of one request or job; zeros for what is not known. */
  totalsOf(project: string, reference: string): Promise<UsageTotals>
  /** Waits for what is being written. */
  close(): Promise<void>
}
