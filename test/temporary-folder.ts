import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Vitest's global setup: every temporary folder of the tests, and of the processes that they start, lies in one folder,
 * which goes when the tests are over, however they ended.
 */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-test-'))
  chmodSync(folder, 0o711) // PostgreSQL runs as another user where the tests run as root
  process.env.TMPDIR = folder // what os.tmpdir() reads; the workers inherit it
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
}
