import type { dashscope } from '@quiver/protocol'
import type { Endpoint } from '../endpoint.js'

const MAX_PAGE_SIZE = 100

export const models: Endpoint = {
  method: 'GET',
  paths: ['/api/v1/models'],
  dialect: 'dashscope',
  tag: 'DashScope',
  summary: 'List the models, a page at a time',
  description: 'Query: `page_no` from 1, `page_size` up to 100, `model` for one id.',
  handle: ({ services, request, requestId }): dashscope.ModelPage => {
    const query = request.query as Record<string, unknown> // Fastify's parsed query string
    const pageNo = positive(query.page_no, 1)
    const pageSize = Math.min(positive(query.page_size, 10), MAX_PAGE_SIZE)
    const { catalog } = services
    const every = [...catalog.list(), ...catalog.listMultimodal()]
    const all = every.filter(({ id }) => query.model === undefined || id === query.model)
    const page = all.slice((pageNo - 1) * pageSize, pageNo * pageSize)
    return {
      request_id: requestId,
      output: {
        page_no: pageNo,
        page_size: pageSize,
        total: all.length,
        models: page.map(({ id }) => ({ model: id, source: 'system', provider: 'quiver', opensource: false })),
      },
    }
  },
}

/** The live service falls back to its default for a page that cannot be. */
function positive(value: unknown, fallback: number): number {
  const number = Number(value)
  return Number.isSafeInteger(number) && number > 0 ? number : fallback
}
