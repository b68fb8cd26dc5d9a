import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startServer, type TestServer } from './server.js'

const ENTRY = fileURLToPath(new URL('../../../packages/client/src/index.ts', import.meta.url))
/** What the client may use of a browser; nothing of Node is there. */
const WEB_GLOBALS = { fetch, AbortController, setTimeout, clearTimeout, performance, atob }

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

it('the typed client runs where there are only the globals of the web', async () => {
  const warnings: string[] = []
  const bundle = await rolldown({
    input: ENTRY,
    platform: 'browser',
    onLog: (_, { message }) => warnings.push(message),
  })
  const { output } = await bundle.generate({ format: 'iife', name: 'quiver' })
  await bundle.close()
  expect(warnings).toEqual([])
  expect(output[0].imports).toEqual([])

  const context = createContext({ ...WEB_GLOBALS, baseUrl: server.url })
  const lengths = await runInContext(
    `${output[0].code}
    new quiver.QuiverClient({ baseUrl }).embed(['风急天高', 'hello', 'x'], { maxInputs: 2, dimension: 64, timeoutMs: 60000 })
      .then(({ vectors, space }) => JSON.stringify([space.length, ...vectors.map(({ length }) => length)]))`,
    context,
  )
  expect(lengths).toBe('[16,64,64,64]')
})
