import { expect, test } from 'vitest'
import { endpointsOf } from './endpoints.js'
import { openApiOf } from './openapi.js'

test('every endpoint is documented with a body, an answer and an error that can be looked up', () => {
  const document = JSON.parse(JSON.stringify(openApiOf(endpointsOf('1.2.3'), '1.2.3')))
  expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } })
  const operation = document.paths['/compatible-mode/v1/embeddings'].post
  expect(operation.requestBody.content['application/json'].schema.required).toEqual(['model', 'input'])
  expect(operation.description).toContain('`/v1/embeddings`')
  expect(document.paths['/compatible-mode/v1/models/{model}'].get.parameters[0].name).toBe('model')
  const references = JSON.stringify(document).match(/#\/components\/schemas\/\w+/g) ?? []
  for (const reference of references)
    expect(document.components.schemas).toHaveProperty(reference.split('/').at(-1) ?? '')
})
