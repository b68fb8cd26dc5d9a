import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'

/** Seconds, from a cached answer to a long text on one core. */
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What the server counts. Labels hold route patterns and model ids of the catalog only, so their number is bounded. */
export interface Metrics {
  /** Content type of {@link expose}. */
  readonly contentType: string
  request(labels: { method: string; route: string; status: number }, seconds: number): void
  embedded(model: string, counts: { inputs: number; tokens: number; truncated: number }): void
  /** Everything in the text format of Prometheus. */
  expose(): Promise<string>
}

export function createMetrics(): Metrics {
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
  return {
    contentType: registry.contentType,
    request: ({ method, route, status }, took) => seconds.observe({ method, route, status }, took),
    embedded(model, counts) {
      inputs.inc({ model }, counts.inputs)
      tokens.inc({ model }, counts.tokens)
      truncated.inc({ model }, counts.truncated)
    },
    expose: () => registry.metrics(),
  }
}
