import { expect, test, vi } from 'vitest'
import { SingleFlight } from './single-flight.js'

const { signal } = new AbortController()

test('work that several want at once is done once; afterwards it is done anew', async () => {
  const flights = new SingleFlight<number>()
  const work = vi.fn(async () => work.mock.calls.length)
  expect(await Promise.all([flights.run('a', signal, work), flights.run('a', signal, work)])).toEqual([1, 1])
  expect(await flights.run('b', signal, work)).toBe(2)
  expect(await flights.run('a', signal, work)).toBe(3)
})

test('who leaves leaves alone; the work ends with the last', async () => {
  const flights = new SingleFlight<string>()
  const [first, second] = [new AbortController(), new AbortController()]
  let finish: (value: string) => void = () => {}
  let seen: AbortSignal = signal
  const work = (own: AbortSignal) => {
    seen = own
    return new Promise<string>((resolve) => {
      finish = resolve
    })
  }
  const leaving = flights.run('a', first.signal, work)
  const staying = flights.run('a', second.signal, work)
  first.abort(new Error('gone'))
  await expect(leaving).rejects.toThrow('gone')
  expect(seen.aborted).toBe(false)
  finish('done')
  expect(await staying).toBe('done')

  const alone = new AbortController()
  const lost = flights.run('a', alone.signal, work)
  alone.abort(new Error('nobody is left'))
  await expect(lost).rejects.toThrow('nobody is left')
  expect(seen.reason).toEqual(new Error('nobody is left'))
})

test('after all have left, the same work begins anew, undisturbed by the end of the first', async () => {
  const flights = new SingleFlight<string>()
  const controller = new AbortController()
  const ends: (() => void)[] = []
  const work = () => new Promise<string>((resolve) => ends.push(() => resolve(`done ${ends.length}`)))
  const lost = flights.run('a', controller.signal, work)
  controller.abort(new Error('gone'))
  await expect(lost).rejects.toThrow('gone')
  const again = flights.run('a', signal, work)
  ends[0]?.()
  await Promise.resolve()
  const joined = flights.run('a', signal, work)
  ends[1]?.()
  expect(await Promise.all([again, joined])).toEqual(['done 2', 'done 2'])
})

test('a failure reaches all and is not remembered', async () => {
  const flights = new SingleFlight<string>()
  const broken = () => Promise.reject(new Error('broken'))
  const both = await Promise.allSettled([flights.run('a', signal, broken), flights.run('a', signal, broken)])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await flights.run('a', signal, async () => 'well')).toBe('well')
})
