import { z } from 'zod'
import type { Endpoint } from './endpoint.js'
import { ERROR_BODY } from './error-body.js'

/** OpenAPI 3.1 document of the endpoints; schemas come from the same zod objects that parse the requests. */
export function openApiOf(
  endpoints: readonly Endpoint[],
  { version, guide }: { version: string; guide: string },
): object {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const endpoint of endpoints) {
    const [first, ...others] = endpoint.paths
    const path = first.replace(/:(\w+)/g, '{$1}').replace('*', '{path}')
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operationOf(endpoint, first, others) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Quiver', version, description: guide, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(
        Object.values(ERROR_BODY).map(({ name, schema }) => [name, schemaOf(schema, 'output')]),
      ),
    },
  }
}

function operationOf(endpoint: Endpoint, path: string, others: readonly string[]): object {
  const same = others.length === 0 ? '' : `Also at ${others.map((other) => `\`${other}\``).join(', ')}.`
  const parameters = [...path.matchAll(/:(\w+)|\*/g)].map(([, name = 'path']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  return {
    tags: [endpoint.tag],
    summary: endpoint.summary,
    description: [endpoint.description, same].filter(Boolean).join('\n\n'),
    ...(parameters.length > 0 && { parameters }),
    ...(endpoint.isPublic ? {} : { security: [{ bearer: [] }] }),
    ...(endpoint.body && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(endpoint.body, 'input') } } },
    }),
    ...(endpoint.form && {
      requestBody: { required: true, content: { 'multipart/form-data': { schema: schemaOf(endpoint.form, 'input') } } },
    }),
    responses: {
      200: {
        description: 'Done',
        content: endpoint.isBytes
          ? { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
          : { 'application/json': { schema: endpoint.response ? schemaOf(endpoint.response, 'output') : {} } },
      },
      default: {
        description: 'An error; the HTTP status says which kind.',
        content: {
          [ERROR_BODY[endpoint.dialect].mediaType]: {
            schema: { $ref: `#/components/schemas/${ERROR_BODY[endpoint.dialect].name}` },
          },
        },
      },
    },
  }
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return json
}
