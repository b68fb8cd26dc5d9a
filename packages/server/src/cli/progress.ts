import { Presets, SingleBar } from 'cli-progress'

export interface Progress {
  add(count: number): void
  stop(): void
}

/** A bar on standard error when that is a terminal, silence otherwise. Without a total it counts up. */
export function createProgress(label: string, total?: number): Progress {
  if (!process.stderr.isTTY) return { add() {}, stop() {} }
  const format =
    total === undefined
      ? `${label} {value} texts, {duration_formatted}`
      : `${label} {bar} {value}/{total}, {eta_formatted} left`
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true }, Presets.shades_classic)
  bar.start(total ?? 0, 0)
  return {
    add(count) {
      bar.increment(count)
    },
    stop() {
      bar.stop()
    },
  }
}
