import { Gauge, type Registry } from 'prom-client'

/** How the jobs of all processes stand, at the moment of a scrape. */
export interface JobLoad {
  jobs: readonly { kind: string; state: string; count: number }[]
  /** Parts that could be worked on now, and since when the one that waits longest could. */
  waiting: readonly { stage: string; count: number; since: Date }[]
  /** Callbacks that never arrived, of the jobs that are kept. */
  callbacksGivenUp: number
}

export interface JobMetrics {
  /** Ask so for the load of jobs, at every scrape. */
  watchJobs(load: () => Promise<JobLoad>): void
}

/** @param now what ages are counted up to. */
export function createJobMetrics(registers: Registry[], now: () => Date): JobMetrics {
  let load: (() => Promise<JobLoad>) | undefined
  let asked: Promise<JobLoad | undefined> | undefined
  /** All gauges of one scrape are asked at once; a database that is away takes none of the other metrics with it. */
  const current = () => {
    asked ??= Promise.resolve(load?.())
      .catch(() => undefined)
      .finally(() => {
        asked = undefined
      })
    return asked
  }
  const gauge = <Label extends string>(
    about: { name: string; help: string; labelNames: readonly Label[] },
    show: (gauge: Gauge<Label>, load: JobLoad) => void,
  ) =>
    new Gauge<Label>({
      ...about,
      registers,
      async collect() {
        const now = await current()
        this.reset()
        if (now !== undefined) show(this, now)
      },
    })
  gauge(
    { name: 'quiver_jobs', help: 'Tasks and batches that are kept, by their states.', labelNames: ['kind', 'state'] },
    (gauge, { jobs }) => {
      for (const { kind, state, count } of jobs) gauge.set({ kind, state }, count)
    },
  )
  gauge(
    {
      name: 'quiver_job_parts_waiting',
      help: 'Parts of jobs that wait to be worked on; those of stage compute are up to 1,000 lines.',
      labelNames: ['stage'],
    },
    (gauge, { waiting }) => {
      for (const { stage, count } of waiting) gauge.set({ stage }, count)
    },
  )
  gauge(
    {
      name: 'quiver_job_oldest_part_seconds',
      help: 'For how long the part that waits longest could have been worked on.',
      labelNames: ['stage'],
    },
    (gauge, { waiting }) => {
      for (const { stage, since } of waiting)
        gauge.set({ stage }, Math.max(0, now().getTime() - since.getTime()) / 1000)
    },
  )
  gauge(
    {
      name: 'quiver_callbacks_given_up',
      help: 'Callbacks that never arrived, of the batches that are kept.',
      labelNames: [],
    },
    (gauge, { callbacksGivenUp }) => gauge.set(callbacksGivenUp),
  )
  return {
    watchJobs(read) {
      load = read
    },
  }
}
