/** Processes that share the database. */
interface ProcessesTable {
  id: string
  role: string
  secret_digest: string
  storage_id: string
  seen_at: number
}

export interface ProcessTables {
  processes: ProcessesTable
}
