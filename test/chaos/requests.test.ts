import { DatabaseSync } from '@photostructure/sqlite'
import { expect, test } from 'vitest'
import { MortalServer } from './mortal-server.js'
import { configFor, startStandIn } from './stand-in.js'

const CALLERS = 8
const KILLS = 3

test('every request that was answered is charged once, though the server is killed', async () => {
  const model = await startStandIn(1)
  const server = await MortalServer.create({}, configFor(model.url))
  const answered: string[] = []
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      server.launch()
      await server.untilReady()
      let isKilled = false
      const before = answered.length
      const call = async () => {
        while (!isKilled) {
          const body = JSON.stringify({ model: 'text-embedding-v4', input: ['one', 'two words'] })
          const headers = { authorization: 'Bearer sk-chaos' }
          const answer = await fetch(`${server.url}/v1/embeddings`, { method: 'POST', headers, body }).catch(
            () => undefined,
          )
          if (answer?.status === 200) answered.push(answer.headers.get('x-request-id') ?? '')
        }
      }
      const callers = Array.from({ length: CALLERS }, call)
      // In the middle of a stream of answers, whenever that is.
      while (answered.length < before + 50) await new Promise((resolve) => setTimeout(resolve, 1))
      await server.kill()
      isKilled = true
      await Promise.all(callers)
    }
    server.launch()
    await server.untilReady()
    await server.kill('SIGTERM')
    const database = new DatabaseSync(server.databasePath)
    const rows = database.prepare('select reference, tokens, kind from ledger').all() as {
      reference: string
      tokens: number
    }[]
    database.close()
    const charged = new Map(rows.map((row) => [row.reference, row.tokens]))
    expect(answered.length).toBeGreaterThanOrEqual(KILLS * 50)
    expect(answered.filter((id) => charged.get(id) !== 3)).toEqual([])
    expect(charged.size).toBe(rows.length)
    // Computed and charged, but killed before the answer went: one for each caller and kill at most.
    expect(rows.length - answered.length).toBeLessThanOrEqual(CALLERS * KILLS)
  } finally {
    await server.remove()
    model.close()
  }
}, 240_000)
