import { hostname } from 'node:os'

/** Name of this process among all that ever held a part of a job: its machine, its process id, and a name of its own. */
export function nameHolder(uuid: string, pid: number = process.pid): string {
  return `${hostname()}/${pid}/${uuid}`
}

/**
 * Whether a holder was a process of this machine that has ended. One on another machine may live; its leases run out.
 *
 * A process of the same number as ours and another name is an earlier one: in a container all have the same.
 */
export function isGone(holder: string, own: string): boolean {
  const [host, pid] = holder.split('/')
  const [ownHost, ownPid] = own.split('/')
  if (holder === own || host !== ownHost) return false
  return pid === ownPid || !isRunning(Number(pid))
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs, and is somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
