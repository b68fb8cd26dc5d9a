import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Catalog } from '../../packages/server/src/catalog/catalog.js'
import { endpointsOf } from '../../packages/server/src/http/endpoints.js'

const API = new URL('../../docs/api/', import.meta.url)
const pages = readdirSync(API).map((name) => readFileSync(new URL(name, API), 'utf8'))
const endpoints = endpointsOf({ version: '0.0.0-test', catalog: new Catalog(), window: 1 })

test.each(
  endpoints
    .filter(({ summary }) => !/^Documentation: \/docs\/|^To the documentation/.test(summary))
    .flatMap(({ method, paths }) =>
      paths.map((path) => `${method} ${path.replace(/:(\w+)/g, '{$1}').replace('*', '{path}')}`),
    ),
)('%s is documented in English and in Chinese', (request) => {
  const pattern = new RegExp(`\`${request.replace(/[{}./]/g, '\\$&')}(\\?[^\`]*)?\``)
  expect(pages.filter((page) => pattern.test(page)).length).toBeGreaterThanOrEqual(2)
})
