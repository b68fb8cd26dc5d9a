import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { createJobMetrics, type JobMetrics } from './job-metrics.js'

/** Seconds, from a cached answer to a long text on one core. */
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Passes of one call of an engine. */
const BUCKETS_PASSES = [1, 2, 4, 8, 16, 32, 64, 128]

/** Calls of one engine, as the queue before it sees them. */
export interface EngineMetrics {
  /** From when a pass could have been computed until it was begun. */
  waited(priority: string, seconds: number): void
  /** One call: its passes, their tokens, and the tokens that were computed for nothing because the longest had more. */
  computed(call: { passes: number; tokens: number; padding: number; seconds: number }): void
}

/** How an engine stands at the moment of a scrape. */
export interface EngineLoad {
  id: string
  /** Passes that wait, by priority. */
  waiting: Readonly<Record<string, number>>
  /** Of an engine of other servers, in their order. */
  servers: readonly ServerLoad[]
}

/** One of the servers of an engine; the numbers of calls and seconds only grow. */
export interface ServerLoad {
  isUp: boolean
  running: number
  answered: number
  failed: number
  /** Calls that failed elsewhere and came here. */
  retried: number
  /** Time that calls took, answered or not. */
  seconds: number
}

/** What the server counts. Labels hold route patterns and model ids of the catalog only, so their number is bounded. */
export interface Metrics extends JobMetrics {
  /** Content type of {@link expose}. */
  readonly contentType: string
  request(labels: { method: string; route: string; status: number }, seconds: number): void
  embedded(model: string, counts: { inputs: number; tokens: number; truncated: number }): void
  engine(id: string): EngineMetrics
  /** Ask so for the loads of all engines, at every scrape. */
  watchEngines(loads: () => readonly EngineLoad[]): void
  /** Everything in the text format of Prometheus. */
  expose(): Promise<string>
}

export function createMetrics({ now = () => new Date() }: { now?: () => Date } = {}): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const seconds = new Histogram({
    name: 'quiver_http_request_seconds',
    help: 'Time from the head of a request to the last byte of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS_SECONDS,
    registers,
  })
  const perModel = (name: string, help: string) => new Counter({ name, help, labelNames: ['model'], registers })
  const inputs = perModel('quiver_inputs_total', 'Inputs embedded.')
  const tokens = perModel('quiver_input_tokens_total', 'Tokens of the inputs embedded.')
  const truncated = perModel('quiver_truncated_inputs_total', 'Inputs that were cut because they were too long.')
  const engines = createEngineMetrics(registers)
  return {
    contentType: registry.contentType,
    request: ({ method, route, status }, took) => seconds.observe({ method, route, status }, took),
    embedded(model, counts) {
      inputs.inc({ model }, counts.inputs)
      tokens.inc({ model }, counts.tokens)
      truncated.inc({ model }, counts.truncated)
    },
    ...engines,
    ...createJobMetrics(registers, now),
    expose: () => registry.metrics(),
  }
}

function createEngineMetrics(registers: Registry[]): Pick<Metrics, 'engine' | 'watchEngines'> {
  let loads: () => readonly EngineLoad[] = () => []
  const waits = new Histogram({
    name: 'quiver_queue_wait_seconds',
    help: 'Time that passes waited for their engine.',
    labelNames: ['engine', 'priority'],
    buckets: BUCKETS_SECONDS,
    registers,
  })
  const calls = new Histogram({
    name: 'quiver_engine_call_seconds',
    help: 'Time of calls of an engine.',
    labelNames: ['engine'],
    buckets: BUCKETS_SECONDS,
    registers,
  })
  const passes = new Histogram({
    name: 'quiver_engine_call_passes',
    help: 'Texts, or windows of texts, that were computed in one call.',
    labelNames: ['engine'],
    buckets: BUCKETS_PASSES,
    registers,
  })
  const tokens = new Counter({
    name: 'quiver_engine_tokens_total',
    help: 'Tokens computed, prompts and special tokens included; those of kind padding were computed for nothing.',
    labelNames: ['engine', 'kind'],
    registers,
  })
  new Gauge({
    name: 'quiver_queue_waiting',
    help: 'Passes that wait for their engine.',
    labelNames: ['engine', 'priority'],
    registers,
    collect() {
      this.reset()
      for (const { id, waiting } of loads()) {
        for (const [priority, count] of Object.entries(waiting)) this.set({ engine: id, priority }, count)
      }
    },
  })
  const perServer = <Kind extends typeof Gauge | typeof Counter>(
    kind: Kind,
    { name, help, read }: { name: string; help: string; read: (server: ServerLoad) => number },
  ) =>
    new kind({
      name,
      help,
      labelNames: ['engine', 'server'],
      registers,
      collect() {
        this.reset()
        for (const { id, servers } of loads()) {
          // By their places: an address is not for everybody who has a key.
          for (const [i, server] of servers.entries()) this.inc({ engine: id, server: i + 1 }, read(server))
        }
      },
    })
  perServer(Gauge, {
    name: 'quiver_upstream_up',
    help: 'Whether an upstream server is used: 1 or 0.',
    read: ({ isUp }) => (isUp ? 1 : 0),
  })
  perServer(Gauge, {
    name: 'quiver_upstream_running',
    help: 'Calls of an upstream server under way.',
    read: ({ running }) => running,
  })
  perServer(Counter, {
    name: 'quiver_upstream_answers_total',
    help: 'Calls that an upstream server answered as it should.',
    read: ({ answered }) => answered,
  })
  perServer(Counter, {
    name: 'quiver_upstream_failures_total',
    help: 'Calls of an upstream server that failed.',
    read: ({ failed }) => failed,
  })
  perServer(Counter, {
    name: 'quiver_upstream_retries_total',
    help: 'Calls of an upstream server that had failed before.',
    read: ({ retried }) => retried,
  })
  perServer(Counter, {
    name: 'quiver_upstream_call_seconds_total',
    help: 'Time of all calls of an upstream server together.',
    read: ({ seconds }) => seconds,
  })
  return {
    engine: (engine) => ({
      waited: (priority, seconds) => waits.observe({ engine, priority }, seconds),
      computed(call) {
        calls.observe({ engine }, call.seconds)
        passes.observe({ engine }, call.passes)
        tokens.inc({ engine, kind: 'text' }, call.tokens)
        tokens.inc({ engine, kind: 'padding' }, call.padding)
      },
    }),
    watchEngines(read) {
      loads = read
    },
  }
}
