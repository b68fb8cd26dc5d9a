import { readFileSync } from 'node:fs'

/** Pages of memory are this large wherever Linux runs Node.js, but on some ARM machines; there the limit is a higher one. */
const PAGE_BYTES = 4_096

/** Memory of a process that is in RAM; undefined where that cannot be read: no such process, or not Linux. */
export function residentBytes(pid: number): number | undefined {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
    return Number.isFinite(pages) ? pages * PAGE_BYTES : undefined
  } catch {
    return undefined
  }
}
