import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of a second; what Linux has shown to programs for decades, whatever the kernel ticks with. */
const TICKS_PER_SECOND = 100
const LOOK_MS = 5

/** CPU seconds of this process's children that have ended. Linux; NaN elsewhere. */
export function endedChildrenCpuSeconds(): number {
  try {
    // Fields behind the name in parentheses, which may hold spaces: cutime and cstime are the 14th and 15th of them.
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND
  } catch {
    return Number.NaN
  }
}

/** Looks often at the children of this process until stopped; `stop` tells the most memory that one of them had. */
export function watchChildrenMemory(): { stop: () => number } {
  let peakBytes = 0
  const timer = setInterval(() => {
    for (const pid of childrenOf(process.pid)) peakBytes = Math.max(peakBytes, peakOf(pid))
  }, LOOK_MS)
  return {
    stop: () => {
      clearInterval(timer)
      return peakBytes
    },
  }
}

function childrenOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
    )
  } catch {
    return []
  }
}

/** `VmHWM`: the most memory it has had so far. 0 when it has ended meanwhile. */
function peakOf(pid: string): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}
