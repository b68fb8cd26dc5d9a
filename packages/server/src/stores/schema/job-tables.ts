import type { Generated } from 'kysely'

/** One row for each task or batch. */
interface JobsTable {
  id: string
  project: string
  key_id: string
  kind: string
  state: string
  /** How the job will end when it ends early: `cancelled`, `expired` or `failed`. */
  outcome: string | null
  /** Jobs of one lane run at most `lane_limit` at a time. */
  lane: string
  lane_limit: number
  /** Public model id; null until it is known, which for batches is after planning. */
  model: string | null
  /** What the caller named as input: a URL or a file id. */
  source: string
  /** Key of the blob that holds the lines, once there is one. */
  input_key: string | null
  /** What the caller calls it. */
  name: string | null
  /** JSON: what the job's kind asks besides. */
  options: string
  total_lines: number | null
  completed_lines: number
  failed_lines: number
  tokens: number
  /** What computes it, from the first result on; nothing else may. */
  engine_space: string | null
  /** JSON: vector spaces of the results so far, one for each dimension and length that the lines ask for. */
  spaces: string
  /** JSON: why the job failed, one entry for each fault. */
  faults: string
  /** JSON: the files that came out, by what is in them. */
  results: string
  created_at: number
  /** When planning began. */
  started_at: number | null
  /** When the lines began to be computed. */
  planned_at: number | null
  /** When a shard was last committed. */
  progressed_at: number | null
  /** When the last line was computed. */
  computed_at: number | null
  cancel_asked_at: number | null
  ended_at: number | null
  /** What is not computed by then is given up. */
  expires_at: number
  /** When the job is forgotten; moves when it ends. */
  purge_at: number
  /** Bytes that count against what its project may keep: of the input while the job is open, of a task's result afterwards. */
  kept_bytes: Generated<number>
  /** When a shard was last taken; of the project that waited longest, the job that did is next. */
  served_at: number
}

/** One row for each piece of work that is leased as a whole: planning, up to 1,000 lines or a megabyte of them, putting together. */
interface ShardsTable {
  job_id: string
  stage: string
  /** Line of the input, from 0; 0 where the stage is of the whole job. */
  first_line: number
  line_count: number
  /** Offset in the input at which reading begins, and how many lines from there are another shard's. */
  start_byte: number
  skip_lines: number
  state: string
  /** Raised by each lease; only its holder may commit. */
  fence: number
  holder: string | null
  leased_until: number | null
  /** Leases that ended without a word: the process died, or was too slow. */
  losses: number
  /** Leases given back with an error. */
  failures: number
  /** When it was first given back with the last error. */
  failing_since: number | null
  not_before: number
  output_key: string | null
  error_key: string | null
  last_error: string | null
}

/** What was consumed, and what it costs; rows are only ever added, and the database refuses anything else. */
interface LedgerTable {
  /** Made of what is charged, so that nothing can be charged twice. */
  id: string
  project: string
  key_id: string
  kind: string
  /** Job id, or request id. */
  reference: string
  model: string
  space: string
  inputs: number
  tokens: number
  price_micros_per_1k_tokens: number
  /** tokens × price: micro-units for 1,000 are nano-units for one, so this is exact. */
  amount_nanos: number
  created_at: number
}

/** Submissions that may come again, by the key that the client gave them. */
interface IdempotencyKeysTable {
  project: string
  operation: string
  key: string
  /** SHA-256 of the body. */
  fingerprint: string
  job_id: string
  created_at: number
}

export interface JobTables {
  jobs: JobsTable
  shards: ShardsTable
  ledger: LedgerTable
  idempotency_keys: IdempotencyKeysTable
}
