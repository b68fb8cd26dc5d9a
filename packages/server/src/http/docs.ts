import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Endpoint } from './endpoint.js'
import { openApiOf } from './openapi.js'

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quiver API</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body><div id="docs"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
`
const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, defaultModelsExpandDepth: -1 })\n`
const HOUR = 'public, max-age=3600'

/** `/openapi.json` of the given endpoints, and `/docs`, which shows it; both offline. */
export function documentationOf(endpoints: readonly Endpoint[], about: { version: string; guide: string }): Endpoint[] {
  const document = openApiOf(endpoints, about)
  return [
    {
      method: 'GET',
      paths: ['/'],
      dialect: 'openai',
      isPublic: true,
      tag: 'Operation',
      summary: 'To the documentation',
      handle: ({ reply }) => reply.redirect('/docs'),
    },
    page('/openapi.json', 'application/json', async () => JSON.stringify(document)),
    page('/docs', 'text/html; charset=utf-8', async () => PAGE),
    page('/docs/start.js', 'text/javascript', async () => START),
    page('/docs/swagger-ui.css', 'text/css', () => readAsset('swagger-ui.css')),
    page('/docs/swagger-ui-bundle.js', 'text/javascript', () => readAsset('swagger-ui-bundle.js')),
  ]
}

function page(path: string, contentType: string, read: () => Promise<string>): Endpoint {
  return {
    method: 'GET',
    paths: [path],
    dialect: 'openai',
    isPublic: true,
    tag: 'Operation',
    summary: `Documentation: ${path}`,
    handle: async ({ reply }) => {
      reply
        .header('content-type', contentType)
        .header('cache-control', HOUR)
        .header('x-content-type-options', 'nosniff')
      return read()
    },
  }
}

function readAsset(name: string): Promise<string> {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  return readFile(join(folder, name), 'utf8')
}
