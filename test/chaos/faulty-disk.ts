import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** As `faulty-disk.c` numbers them. */
export const DISK_FAULTS = ['enospc', 'eio', 'short'] as const
export type DiskFault = (typeof DISK_FAULTS)[number]

// From the package, not from this file: compiled, this file lies elsewhere than the program in C.
const SERVER = createRequire(import.meta.url).resolve('@quiver/server/package.json')
const SOURCE = join(SERVER, '../../../test/chaos/faulty-disk.c')
const INTEGERS = 4

/** Whether the disk that fails can be made: a C compiler, and the dynamic linker of Linux. */
export function canMakeFaultyDisk(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' })
    return process.platform === 'linux'
  } catch {
    return false
  }
}

/** A disk of which one call or several fail, for processes that are started with its environment. */
export class FaultyDisk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'quiver-faulty-disk-'))
  readonly #library = join(this.#folder, 'faulty-disk.so')
  readonly #log = join(this.#folder, 'faults.log')
  readonly #control: number

  constructor() {
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', this.#library, SOURCE, '-ldl'])
    this.#control = openSync(join(this.#folder, 'control'), 'w+')
    this.disarm()
  }

  /** @param root folder of the disk; nothing outside fails. */
  environment(root: string): Record<string, string> {
    return {
      LD_PRELOAD: this.#library,
      FAULTY_DISK_ROOT: root,
      FAULTY_DISK_CONTROL: join(this.#folder, 'control'),
      FAULTY_DISK_LOG: this.#log,
    }
  }

  /** From now on count those calls that the kind can strike; the `at`-th fails, and `count` − 1 after it. */
  arm({ at, count = 1, kind }: { at: number; count?: number; kind: DiskFault }): void {
    this.#write([at, count, DISK_FAULTS.indexOf(kind), 0])
  }

  disarm(): void {
    this.#write([0, 0, 0, 0])
  }

  /** Calls that were counted since it was armed. */
  get calls(): number {
    const bytes = Buffer.alloc(INTEGERS * 8)
    readSync(this.#control, bytes, 0, bytes.length, 0)
    return Number(bytes.readBigInt64LE((INTEGERS - 1) * 8))
  }

  /** What has failed so far: `call path`. */
  failures(): string[] {
    return existsSync(this.#log) ? readFileSync(this.#log, 'utf8').trimEnd().split('\n') : []
  }

  remove(): void {
    closeSync(this.#control)
    rmSync(this.#folder, { recursive: true })
  }

  #write(values: readonly number[]): void {
    const bytes = Buffer.alloc(INTEGERS * 8)
    values.forEach((value, i) => {
      bytes.writeBigInt64LE(BigInt(value), i * 8)
    })
    writeSync(this.#control, bytes, 0, bytes.length, 0)
  }
}

/** Calls by kind of file, without what is in names that differ each time. */
export function summaryOf(failures: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const failure of failures) {
    const what = placeOf(failure)
    counts.set(what, (counts.get(what) ?? 0) + 1)
  }
  return [...counts].map(([what, count]) => `${what} ${count}`).join(', ')
}

/** `write blobs`: a failure without what is in names that differ each time. */
export function placeOf(failure: string): string {
  const [call = '', path = ''] = failure.split(' ')
  return `${call} ${/\/(quiver\.db[-a-z]*|ledger|blobs|server\.json|secret)/.exec(path)?.[1] ?? 'home'}`
}
