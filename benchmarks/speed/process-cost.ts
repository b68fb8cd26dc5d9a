import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

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

/** Of a process and all that it started, together; and what of it is its own. */
export interface TreeCost extends ProcessCost {
  own: ProcessCost
}

/** A process and all that it started: a model that computes in a process of its own. */
export function costOfTree(pid: number): TreeCost {
  const first = costOf(pid)
  const all = { ...first, own: first }
  for (const child of childrenOf(pid)) {
    const { cpuSeconds, rssMb, peakRssMb } = costOfTree(child)
    all.cpuSeconds += cpuSeconds
    all.rssMb += rssMb
    all.peakRssMb += peakRssMb
  }
  return all
}

function childrenOf(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`)
  return threads.flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
}

/** Fields 14 and 15 of /proc/<pid>/stat; the process's name before them may hold spaces and brackets. */
export function parseCpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

export function parseKilobytes(status: string, field: string): number {
  return Number(status.match(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm'))?.[1])
}
