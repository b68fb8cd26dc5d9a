import type { Endpoint } from './endpoint.js'

export const metrics: Endpoint = {
  method: 'GET',
  paths: ['/metrics'],
  dialect: 'openai',
  tag: 'Operations',
  summary: 'Counters in the text format of Prometheus',
  description:
    'Needs a key, like every endpoint that tells about the traffic; Prometheus sends it with `authorization`.',
  handle({ services, reply }) {
    reply.header('content-type', services.metrics.contentType)
    return services.metrics.expose()
  },
}
