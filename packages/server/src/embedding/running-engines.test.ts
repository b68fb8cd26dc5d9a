import { expect, test } from 'vitest'
import type { Engine } from '../engines/engine.js'
import { fakeEngine } from '../engines/fake-engine.test.support.js'
import { type EngineSpec, RunningEngines } from './running-engines.js'

const { signal } = new AbortController()

/** A spec whose starts are counted, and can be let go one by one. */
function spec(id: string, startsWith: EngineSpec['startsWith'], start?: () => Promise<Engine>) {
  const counted = {
    id,
    dimension: 2048,
    startsWith,
    starts: 0,
    start: () => {
      counted.starts++
      return start?.() ?? Promise.resolve(fakeEngine({ id }))
    },
  }
  return counted
}

test('what starts with the server is started once; the rest with the first request for it', async () => {
  const specs = [spec('must', 'required'), spec('with', 'server'), spec('later', 'demand')]
  const engines = new RunningEngines(specs, { maxQueued: 1 })
  expect(engines.isUp).toBe(false)
  await engines.startRequired(signal)
  await engines.startOthers(signal)
  expect(specs.map(({ starts }) => starts)).toEqual([1, 1, 0])
  expect(engines.isUp).toBe(true)
  expect(engines.peek('later').state).toBe('idle')
  const found = await Promise.all([engines.find('later', signal), engines.find('later', signal)])
  expect(found[0]).toBe(found[1])
  expect(specs.map(({ starts }) => starts)).toEqual([1, 1, 1])
  expect(engines.peek('later')).toMatchObject({ state: 'up', engine: { id: 'later' } })
})

test('a required engine that fails fails the start; any other is reported and harms nobody', async () => {
  const broken = () => Promise.reject(new Error('broken'))
  const failures: string[] = []
  const onFailure = (id: string) => failures.push(id)
  const fatal = new RunningEngines([spec('must', 'required', broken)], { maxQueued: 1, onFailure })
  await expect(fatal.startRequired(signal)).rejects.toThrow('broken')
  const engines = new RunningEngines([spec('must', 'required'), spec('bad', 'server', broken)], {
    maxQueued: 1,
    onFailure,
  })
  await engines.startRequired(signal)
  await engines.startOthers(signal)
  expect(failures).toEqual(['must', 'bad'])
  expect(engines.peek('bad').state).toBe('down')
  expect((await engines.find('must', signal)).engine.id).toBe('must')
  await expect(engines.find('bad', signal)).rejects.toMatchObject({ row: 'overloaded', retryAfterSeconds: 10 })
})

test('a failed start is tried again, but not by every request', async () => {
  let now = 1_000
  const one = spec('x', 'demand', () =>
    one.starts < 2 ? Promise.reject(new Error('no')) : Promise.resolve(fakeEngine()),
  )
  const engines = new RunningEngines([one], { maxQueued: 1, now: () => now })
  const find = () => engines.find('x', signal)
  await expect(find()).rejects.toMatchObject({ row: 'overloaded' })
  await expect(find()).rejects.toMatchObject({ row: 'overloaded' })
  expect(one.starts).toBe(1)
  now += 10_000
  expect(await find()).toHaveProperty('engine')
  expect(one.starts).toBe(2)
})

test('who does not wait for a start leaves alone; the start goes on', async () => {
  let finish = (_engine: Engine) => {}
  const slow = spec('slow', 'demand', () => new Promise((resolve) => (finish = resolve)))
  const engines = new RunningEngines([slow], { maxQueued: 1 })
  const impatient = new AbortController()
  const lost = engines.find('slow', impatient.signal)
  impatient.abort(new Error('gone'))
  await expect(lost).rejects.toThrow('gone')
  expect(engines.peek('slow').state).toBe('starting')
  const patient = engines.find('slow', signal)
  finish(fakeEngine({ id: 'slow' }))
  expect((await patient).engine.id).toBe('slow')
  expect(slow.starts).toBe(1)
})

test('closing ends what runs and what is still starting', async () => {
  const closed: string[] = []
  const closable = (id: string) => fakeEngine({ id, close: async () => void closed.push(id) })
  let finish = (_engine: Engine) => {}
  const engines = new RunningEngines(
    [
      spec('up', 'required', async () => closable('up')),
      spec('slow', 'server', () => new Promise((resolve) => (finish = resolve))),
    ],
    { maxQueued: 1 },
  )
  await engines.startRequired(signal)
  const others = engines.startOthers(signal)
  const closing = engines.close()
  finish(closable('slow'))
  await Promise.all([closing, others])
  expect(closed.sort()).toEqual(['slow', 'up'])
})

test('an id that no engine has is a fault of ours', async () => {
  await expect(new RunningEngines([], { maxQueued: 1 }).find('none', signal)).rejects.toThrow(TypeError)
})
