import { setTimeout as sleep } from 'node:timers/promises'
import type { Campaign } from './campaign.js'
import { DISK_FAULTS, FaultyDisk, summaryOf } from './faulty-disk.js'
import { type OneServer, openOneServer } from './kill.js'

/** Calls of a start, more or less; what fails among them may fail the start. */
const CALLS_OF_A_START = 150
/** Calls until the next failure while a server works. */
const CALLS_BETWEEN = 60
/** The first call fails, or the disk stays so for a while. */
const COUNTS = [1, 1, 25]
const LIFE_MS = 20_000
/** One failure in three is at a start. */
const STARTS_EVERY = 3

interface OnFaultyDisk extends OneServer {
  disk: FaultyDisk
}

/**
 * A disk whose k-th call fails, k random: full, broken, or taking half; under the database, the charges and the files alike;
 * while a server works, and while one starts.
 */
export function diskCampaign({ faults, config }: { faults: number; config: object }): Campaign<OnFaultyDisk> {
  return {
    async open(settings) {
      const disk = new FaultyDisk()
      const one = await openOneServer(settings, config)
      return {
        ...one,
        disk,
        async remove() {
          await one.remove()
          disk.remove()
        },
      }
    },
    async disturb({ server, disk }, { hasEnded, random, report }) {
      let done = 0
      for (let i = 0; done < faults && !hasEnded(); i++) {
        const before = disk.failures().length
        const isAtStart = i % STARTS_EVERY === 0
        if (isAtStart) await server.kill('SIGTERM')
        disk.arm({
          at: 1 + Math.floor(random() * (isAtStart ? CALLS_OF_A_START : CALLS_BETWEEN)),
          count: COUNTS[Math.floor(random() * COUNTS.length)] ?? 1,
          kind: DISK_FAULTS[i % DISK_FAULTS.length] ?? 'eio',
        })
        if (!server.isRunning) server.launch(disk.environment(server.home))
        const hasFailed = () => disk.failures().length > before
        const isOver = () => hasFailed() || hasEnded() || !server.isRunning
        // However slow the machine is, a server that starts without a failure gets to its work.
        if (isAtStart) await server.untilReady(isOver)
        const deadline = Date.now() + LIFE_MS
        while (!isOver() && Date.now() < deadline) await sleep(50)
        if (hasFailed()) done++
        await sleep(random() * 2000)
        if (!server.isRunning) {
          if (!isAtStart) throw new Error(`the server ended by itself, after ${disk.failures().at(-1)}`)
          disk.disarm()
          server.launch(disk.environment(server.home))
          await server.untilReady(hasEnded)
        }
        if (done % 10 === 0) report(`${done} faults`)
      }
      disk.disarm()
      await server.kill('SIGTERM')
      server.launch()
      report(`what failed: ${summaryOf(disk.failures())}`)
      return done
    },
  }
}
