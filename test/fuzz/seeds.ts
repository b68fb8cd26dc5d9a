import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Catalog } from '@quiver/server/dist/catalog/catalog.js'
import type { Endpoint } from '@quiver/server/dist/http/endpoint.js'
import { endpointsOf } from '@quiver/server/dist/http/endpoints.js'
import { z } from 'zod'
import type { Message } from './message.js'

const SERVER_PACKAGE = dirname(createRequire(import.meta.url).resolve('@quiver/server/package.json'))
const RECORDED = join(SERVER_PACKAGE, '../../test/contract/recorded')

const CATALOG = new Catalog()

/** Every endpoint of a server with the catalog as it is without configuration. */
export const ENDPOINTS: readonly Endpoint[] = endpointsOf({ version: '0', catalog: CATALOG, window: 500 })

/** Valid requests: those that the official clients sent, and one or more for each path of each endpoint. */
export function seedsOf(): Message[] {
  const models = CATALOG.list().map(({ id }) => id)
  return [
    ...recordings(ENDPOINTS),
    ...ENDPOINTS.flatMap((endpoint) => examplesOf(endpoint, models)),
    ...ENDPOINTS.flatMap(pictureExamplesOf),
  ]
}

/** A red pixel each: what a schema cannot make up. */
const PNG =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC'
const BMP = 'data:image/bmp;base64,Qk06AAAAAAAAADYAAAAoAAAAAQAAAAEAAAABABgAAAAAAAQAAAATCwAAEwsAAAAAAAAAAAAAAAD/AA=='

/** Valid requests with pictures, and with a list of pictures that stands for a video. */
function pictureExamplesOf({ method, paths, hasMedia, response, dialect }: Endpoint): Message[] {
  if (hasMedia !== true && !paths.includes('/v1/embeddings')) return []
  const contents = [{ text: 'red' }, { image: PNG }, { video: [PNG, BMP] }]
  const model = 'multimodal-embedding-v1'
  const body =
    dialect === 'dashscope' ? { model, input: { contents } } : { model, input: [{ text: 'red' }, { image: BMP }] }
  return paths.map((target) => ({
    method,
    target,
    headers: [
      ['Host', '127.0.0.1'],
      ['Authorization', 'Bearer sk-fuzz'],
      ['Content-Type', 'application/json'],
    ],
    body: Buffer.from(JSON.stringify(body)),
    framing: 'length',
    response,
  }))
}

function recordings(endpoints: readonly Endpoint[]): Message[] {
  return readdirSync(RECORDED)
    .filter((file) => file.endsWith('.json'))
    .map((file): Message => {
      const { method, target, headers, body } = JSON.parse(readFileSync(join(RECORDED, file), 'utf8')) as {
        method: string
        target: string
        headers: [string, string][]
        body: string
      } // written by the recorder; the contract tests hold its shape
      const path = target.split('?')[0]
      return {
        method,
        target,
        headers: headers.filter(([name]) => !/^(content-length|transfer-encoding)$/i.test(name)),
        body: Buffer.from(body),
        framing: 'length',
        response: endpoints.find((endpoint) => endpoint.method === method && endpoint.paths.some((own) => own === path))
          ?.response,
      }
    })
}

function examplesOf({ method, paths, body, form, response }: Endpoint, models: readonly string[]): Message[] {
  if (form !== undefined) return paths.flatMap((path) => formExamplesOf(path, form, models, response))
  const bodies = body === undefined ? [Buffer.alloc(0)] : examplesOfBody(body, models)
  return paths.flatMap((path) =>
    bodies.map(
      (bytes): Message => ({
        method,
        target: `${path.replace(/:\w+|\*/g, models[0] ?? 'none')}${QUERIES[path] ?? ''}`,
        headers: [
          ['Host', '127.0.0.1'],
          ['Authorization', 'Bearer sk-fuzz'],
          ['Content-Type', 'application/json'],
        ],
        body: bytes,
        framing: 'length',
        response,
      }),
    ),
  )
}

/** Queries without which a path only ever gives one error. */
const QUERIES: Readonly<Record<string, string>> = {
  '/v1/files': '?limit=2&order=asc&purpose=batch&create_after=20260101000000',
  '/api/v1/uploads': '?action=getPolicy&model=text-embedding-v4',
  '/results/*':
    '?Expires=1795467216&OSSAccessKeyId=quiver&Signature=caLP%2FohHj3%2FJGLuXqqqh2tLNxX3vS446vhnWtSzEU1M%3D',
}

const BOUNDARY = 'fuzz-boundary'

/** A form with every field and one with the required ones only; the file first, and last. */
function formExamplesOf(
  target: string,
  schema: z.ZodType,
  models: readonly string[],
  response: z.ZodType | undefined,
): Message[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  return [true, false].map((isFull): Message => {
    const fields = Object.entries(exampleOf(json, { isFull, models, name: '' }) as Record<string, unknown>)
    const parts = fields.map(([name, value]) => {
      const filename = name === 'file' ? '; filename="a.jsonl"' : ''
      return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${filename}\r\n\r\n${value}\r\n`
    })
    return {
      method: 'POST',
      target,
      headers: [
        ['Host', '127.0.0.1'],
        ['Authorization', 'Bearer sk-fuzz'],
        ['Content-Type', `multipart/form-data; boundary=${BOUNDARY}`],
      ],
      body: Buffer.from(`${(isFull ? parts : parts.toReversed()).join('')}--${BOUNDARY}--\r\n`),
      framing: 'length',
      response,
    }
  })
}

/** Bodies that the endpoint's own schema allows: one with every field, one with the required ones only. */
function examplesOfBody(schema: z.ZodType, models: readonly string[]): Buffer[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  return [true, false].map((isFull) => Buffer.from(JSON.stringify(exampleOf(json, { isFull, models, name: '' }))))
}

/** The parts of JSON Schema that examples are made from. */
interface JsonSchema {
  type?: string
  enum?: unknown[]
  const?: unknown
  default?: unknown
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
  required?: string[]
  minimum?: number
}

function exampleOf(
  schema: JsonSchema,
  { isFull, models, name }: { isFull: boolean; models: readonly string[]; name: string },
): unknown {
  const alternatives = schema.anyOf ?? schema.oneOf
  if (alternatives?.[0] !== undefined) {
    return exampleOf(alternatives[isFull ? alternatives.length - 1 : 0] ?? {}, { isFull, models, name })
  }
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {})
          .filter(([key]) => isFull || schema.required?.includes(key))
          .map(([key, value]) => [key, exampleOf(value, { isFull, models, name: key })]),
      )
    case 'array':
      return [
        exampleOf(schema.items ?? {}, { isFull, models, name }),
        exampleOf(schema.items ?? {}, { isFull, models, name }),
      ]
    case 'string':
      return name.startsWith('model') ? models[0] : '风急天高猿啸哀'
    case 'integer':
    case 'number':
      return name.startsWith('dimension') ? 64 : (schema.minimum ?? 1)
    case 'boolean':
      return true
    default:
      return null
  }
}
