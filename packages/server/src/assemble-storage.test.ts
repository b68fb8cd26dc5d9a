import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { assembleStorage } from './assemble-storage.js'
import { loadSettings } from './config.js'
import { createLog } from './telemetry/log.js'
import type { Charge } from './usage/ledger.js'

const charge = (id: string): Charge => ({
  id,
  project: 'project',
  keyId: 'key',
  kind: 'request',
  reference: id,
  model: 'model',
  space: 'space',
  inputs: 1,
  tokens: 3,
  priceMicrosPer1kTokens: 500,
  at: new Date(0),
})

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'quiver-storage-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const open = (usageDurability: string) =>
  assembleStorage(loadSettings({ flags: { home, usageDurability } }), createLog('silent'))

/** What the database holds at this moment, as another process sees it. */
function inDatabase(): string[] {
  const database = new DatabaseSync(join(home, 'quiver.db'))
  const rows = database.prepare('select id from ledger order by id').all() as { id: string }[] // the query's own column
  database.close()
  return rows.map(({ id }) => id)
}
const inJournals = () =>
  readdirSync(join(home, 'ledger'))
    .map((name) => readFileSync(join(home, 'ledger', name), 'utf8'))
    .join('')

test('fast: a charge that counts as kept is in the journal, and soon in the database', async () => {
  const storage = await open('fast')
  await storage.ledger.record(charge('one'))
  expect(inJournals()).toContain('"one"')
  await storage.close()
  expect(inDatabase()).toEqual(['one'])
})

test('strict: a charge that counts as kept is committed, and what an earlier process left in a journal too', async () => {
  const fast = await open('fast')
  await fast.ledger.record(charge('early'))
  const strict = await open('strict')
  await Promise.all(['one', 'two'].map((id) => strict.ledger.record(charge(id))))
  expect(inDatabase()).toEqual(['early', 'one', 'two'])
  expect(inJournals()).not.toContain('"one"')
  expect(await strict.ledger.totalsOf('project', 'two')).toMatchObject({ charges: 1, tokens: 3 })
  await strict.close()
  await fast.close()
  expect(inDatabase()).toEqual(['early', 'one', 'two'])
})
