import { Presets, SingleBar } from 'cli-progress'

/** How far a job is, as the server tells it. */
export interface JobView {
  lines?: { total: number; failed: number; completed?: number; succeeded?: number }
  linesPerSecond?: number
  secondsLeft?: number
}

/** A bar on standard error when that is a terminal, silence otherwise. */
export function createJobProgress(): { show(job: JobView): void; stop(): void } {
  if (!process.stderr.isTTY) return { show() {}, stop() {} }
  const format = 'computing {bar} {value}/{total}{pace}'
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true }, Presets.shades_classic)
  bar.start(0, 0, { pace: '' })
  return {
    show(job) {
      const { lines } = job
      if (lines === undefined) return
      bar.setTotal(lines.total)
      bar.update((lines.completed ?? 0) + (lines.succeeded ?? 0) + lines.failed, { pace: paceOf(job) })
    },
    stop: () => bar.stop(),
  }
}

/**
 * `, 17 lines/s, 27m 36s left`: the server's own figures, because a bar that begins in the middle of a job knows nothing of the
 * time before it. Empty while there are none.
 */
export function paceOf({ linesPerSecond, secondsLeft }: JobView): string {
  const rate = linesPerSecond === undefined ? '' : `, ${Number(linesPerSecond.toPrecision(2))} lines/s`
  return secondsLeft === undefined ? rate : `${rate}, ${formatSeconds(secondsLeft)} left`
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds)
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  if (hours > 0) return `${hours}h ${minutes}m`
  return minutes > 0 ? `${minutes}m ${whole % 60}s` : `${whole}s`
}
