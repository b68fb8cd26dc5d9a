import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** What a process has cost so far. Linux only: read from /proc. */
export interface ProcessCost {
  /** User and system time of all its threads. */
  cpuSeconds: number
  /** Resident memory now, and the most it ever was. */
  rssMb: number
  peakRssMb: number
}

let ticksPerSecond: number | undefined

export function costOf(pid: number): ProcessCost {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    cpuSeconds: parseCpuTicks(readFileSync(`/proc/${pid}/stat`, 'utf8')) / ticksPerSecond,
    rssMb: parseKilobytes(status, 'VmRSS') / 1024,
    peakRssMb: parseKilobytes(status, 'VmHWM') / 1024,
  }
}

/** Fields 14 and 15 of /proc/<pid>/stat; the process's name before them may hold spaces and brackets. */
export function parseCpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

export function parseKilobytes(status: string, field: string): number {
  return Number(status.match(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm'))?.[1])
}
