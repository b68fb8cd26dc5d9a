import { expect, test } from 'vitest'
import { Catalog } from '../catalog/catalog.js'
import { MULTIMODAL_EMBEDDING } from '../catalog/multimodal-embedding.js'
import { servedBy } from '../catalog/multimodal-model.js'
import { endpointsOf } from './endpoints.js'
import { guideOf } from './guide.js'
import { openApiOf } from './openapi.js'

test('every endpoint is documented with a body, an answer and an error that can be looked up', () => {
  const document = JSON.parse(
    JSON.stringify(
      openApiOf(endpointsOf({ version: '1.2.3', catalog: new Catalog(), window: 4 }), {
        version: '1.2.3',
        guide: 'Read me.',
      }),
    ),
  )
  expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3', description: 'Read me.' } })
  const operation = document.paths['/compatible-mode/v1/embeddings'].post
  expect(operation.requestBody.content['application/json'].schema.required).toEqual(['model', 'input'])
  expect(operation.description).toContain('`/v1/embeddings`')
  expect(document.paths['/compatible-mode/v1/models/{model}'].get.parameters[0].name).toBe('model')
  const references = JSON.stringify(document).match(/#\/components\/schemas\/\w+/g) ?? []
  for (const reference of references)
    expect(document.components.schemas).toHaveProperty(reference.split('/').at(-1) ?? '')
})

test('the guide has a row for every model of the catalog', () => {
  const catalog = new Catalog()
  const guide = guideOf(catalog.list(), { window: 123, multimodal: catalog.listMultimodal() })
  for (const { id } of catalog.list()) expect(guide).toMatch(new RegExp(`^\\| \`${id}\` \\|`, 'm'))
  expect(guide).toContain('**1024**')
  expect(guide).toContain('reads 123 tokens at a time')
})

test('the guide says of each model what it makes of a requested dimension, and names no other', () => {
  const [first] = new Catalog().list()
  if (first === undefined) throw new TypeError('an empty catalog')
  const other = (id: string, dimensionChoice: typeof first.dimensionChoice) => ({ ...first, id, dimensionChoice })
  const guide = guideOf([other('a', 'listed'), other('b', 'ignored'), other('c', 'any')], {
    window: 123,
    multimodal: [],
  })
  expect(guide).toContain('Ignore a requested dimension, as the original service does: `b`.')
  expect(guide).toContain('up to the largest shown: `c`.')
  expect(guide).not.toMatch(/Refuse|text-embedding/)
})

test('the guide says which components are zeros, and only where there are any', () => {
  const guideOfWidth = (dimension: number) =>
    guideOf([], {
      window: 1,
      multimodal: MULTIMODAL_EMBEDDING.map((model) => servedBy(model, { dimension, isMatryoshka: true })),
    })
  expect(guideOfWidth(512)).toContain('the model behind it computes 512; the others are zeros')
  expect(guideOfWidth(1024)).not.toContain('zeros')
  expect(guideOfWidth(1024)).toContain('| `multimodal-embedding-v1` | **1024** | 3 | text, image, video | 512 |')
})
