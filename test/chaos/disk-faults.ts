import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Campaign } from './campaign.js'
import { type OneServer, openOneServer } from './kill.js'

const SOURCE = join(fileURLToPath(new URL('.', import.meta.url)), 'faulty-disk.c')
const KINDS = ['enospc', 'eio', 'short'] as const
/** A server does these many calls while it starts; what fails among them fails the start. */
const LARGEST_K = 400
/** The first call fails, or the disk stays so for a while. */
const COUNTS = [1, 1, 25]
const LIFE_MS = 20_000

interface OnFaultyDisk extends OneServer {
  /** The compiled disk, and the failures it had. */
  library: string
  log: string
}

/** Whether the disk that fails can be made: a C compiler, and the dynamic linker of Linux. */
export function canMakeFaultyDisk(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' })
    return process.platform === 'linux'
  } catch {
    return false
  }
}

/**
 * A disk whose k-th write or flush fails, k random: full, broken, or taking half; under the database, the charges and the
 * files alike. A server goes on for a while after a failure, and is then started again with the next one before it.
 *
 * @param options.source of the C program; beside this file by default.
 */
export function diskCampaign({
  faults,
  config,
  source = SOURCE,
}: {
  faults: number
  config: object
  source?: string
}): Campaign<OnFaultyDisk> {
  return {
    async open(settings) {
      const folder = mkdtempSync(join(tmpdir(), 'quiver-faulty-disk-'))
      const library = join(folder, 'faulty-disk.so')
      execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'])
      const one = await openOneServer(settings, config)
      return {
        ...one,
        library,
        log: join(folder, 'faults.log'),
        async remove() {
          await one.remove()
          rmSync(folder, { recursive: true })
        },
      }
    },
    async disturb({ server, library, log }, { hasEnded, random, report }) {
      let done = 0
      for (let i = 0; done < faults && !hasEnded(); i++) {
        const before = linesOf(log)
        await server.kill('SIGTERM')
        server.launch({
          LD_PRELOAD: library,
          FAULTY_DISK_ROOT: server.home,
          FAULTY_DISK_LOG: log,
          FAULTY_DISK_AT: String(1 + Math.floor(random() * LARGEST_K)),
          FAULTY_DISK_COUNT: String(COUNTS[i % COUNTS.length]),
          FAULTY_DISK_KIND: KINDS[i % KINDS.length] ?? '',
        })
        const deadline = Date.now() + LIFE_MS
        while (linesOf(log) === before && Date.now() < deadline && !hasEnded() && server.isRunning) await sleep(50)
        if (linesOf(log) > before) done++
        await sleep(random() * 2000)
        if (!server.isRunning) server.launch()
        if (done % 10 === 0) report(`${done} faults`)
      }
      await server.kill('SIGTERM')
      server.launch()
      report(`what failed: ${summaryOf(log)}`)
      return done
    },
  }
}

function linesOf(log: string): number {
  return existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0
}

/** Calls by kind of file, without what is in names that differ each time. */
function summaryOf(log: string): string {
  const counts = new Map<string, number>()
  for (const line of existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []) {
    const [call = '', path = ''] = line.split(' ')
    const place = /\/(quiver\.db[-a-z]*|ledger|blobs|server\.json|secret)/.exec(path)?.[1] ?? 'other'
    counts.set(`${call} ${place}`, (counts.get(`${call} ${place}`) ?? 0) + 1)
  }
  return [...counts].map(([what, count]) => `${what} ${count}`).join(', ')
}
