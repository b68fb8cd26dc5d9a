import type { FileTables } from './file-tables.js'
import type { JobTables } from './job-tables.js'
import type { ProcessTables } from './process-tables.js'

/**
 * Every table. Instants are Unix milliseconds, amounts of money whole numbers, flags 0 or 1, lists and objects JSON
 * text: what SQLite and PostgreSQL both have.
 */
export type Tables = JobTables & FileTables & ProcessTables
