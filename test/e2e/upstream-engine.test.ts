import { fileURLToPath } from 'node:url'
import { engineSuite } from '../../packages/server/src/engines/engine.suite.js'
import { UpstreamEntry } from '../../packages/server/src/engines/engine-entry.js'
import { startUpstreamEngine } from '../../packages/server/src/engines/upstream/engine.js'
import { createLog } from '../../packages/server/src/telemetry/log.js'
import { startQuiver } from './quiver-process.js'

const TOKENIZER = fileURLToPath(new URL('../../packages/server/weights/builtin-text', import.meta.url))

/** What every engine promises, of one whose computing side is a real server. */
engineSuite('an upstream server with a tokenizer here', async () => {
  const server = await startQuiver()
  const entry = UpstreamEntry.parse({
    kind: 'upstream',
    protocol: 'openai',
    urls: [server.url],
    model: 'text-embedding-v4',
    apiKey: 'any',
    dimension: 2048,
    window: 500,
    tokenizer: TOKENIZER,
    prompts: { query: 'query: ' },
  })
  const engine = await startUpstreamEngine({ id: 'up', entry, log: createLog('silent') })
  const close = engine.close.bind(engine)
  return Object.assign(engine, { close: () => close().then(server.end) })
})
