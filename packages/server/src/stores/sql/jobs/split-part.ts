import { SPLIT_PARTS, SUSPICIOUS_LOSSES } from '../../../jobs/job-store.js'
import { insertPart, type PartRow } from './parts.js'
import type { Queries } from './transactions.js'

/**
 * Split a shard that is suspected of ending the process, so that the line that does it is found.
 *
 * @param part with the loss that was just noticed.
 * @returns what the first part keeps of it; the other lines become parts of their own.
 */
export async function splitIfSuspected(
  queries: Queries,
  part: Pick<PartRow, 'job_id' | 'stage' | 'first_line' | 'line_count' | 'start_byte' | 'skip_lines' | 'losses'>,
): Promise<Pick<PartRow, 'line_count' | 'losses'>> {
  const { line_count: lines, losses } = part
  if (part.stage !== 'compute' || losses < SUSPICIOUS_LOSSES || lines < 2) return { line_count: lines, losses }
  const size = Math.ceil(lines / SPLIT_PARTS)
  for (let at = size; at < lines; at += size) {
    const lineCount = Math.min(size, lines - at)
    await insertPart(queries, part.job_id, 'compute', {
      first_line: part.first_line + at,
      line_count: lineCount,
      start_byte: part.start_byte,
      skip_lines: part.skip_lines + at,
      losses: lossesAfterSplit(lineCount),
    })
  }
  return { line_count: size, losses: lossesAfterSplit(size) }
}

/** One more loss splits a part again; a single line is given all its chances before it is blamed. */
function lossesAfterSplit(lineCount: number): number {
  return lineCount === 1 ? 0 : SUSPICIOUS_LOSSES - 1
}
