import { MultiBar, Presets, type SingleBar } from 'cli-progress'
import { formatBytes } from '../pull/format-bytes.js'

export interface FileProgress {
  /** Files that are to come; may be called again with more. */
  plan(files: readonly { path: string; bytes: number }[]): void
  /** Bytes of one of them more, or fewer. */
  add(path: string, count: number): void
  stop(): void
}

/** A bar a file on standard error when that is a terminal; a line for each that is complete otherwise. */
export function createFileProgress(): FileProgress {
  return process.stderr.isTTY ? createBars() : createLines()
}

function createBars(): FileProgress {
  const bars = new MultiBar(
    {
      format: '{bar} {percentage} % of {size}  {path}',
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: false,
      barsize: 24,
    },
    Presets.shades_classic,
  )
  const byPath = new Map<string, SingleBar>()
  return {
    plan(files) {
      for (const { path, bytes } of files) {
        byPath.set(path, bars.create(Math.max(1, bytes), 0, { path, size: formatBytes(bytes) }))
      }
    },
    add(path, count) {
      byPath.get(path)?.increment(count)
    },
    stop() {
      bars.stop()
    },
  }
}

function createLines(): FileProgress {
  const left = new Map<string, { bytes: number; left: number }>()
  return {
    plan(files) {
      for (const { path, bytes } of files) left.set(path, { bytes, left: bytes })
    },
    add(path, count) {
      const file = left.get(path)
      if (file === undefined) return
      file.left -= count
      if (file.left === 0) process.stderr.write(`${path}  ${formatBytes(file.bytes)}\n`)
    },
    stop() {},
  }
}
