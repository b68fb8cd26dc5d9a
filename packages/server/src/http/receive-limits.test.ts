import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { limitReceiving } from './receive-limits.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** The parts of a request and a response that the limits touch. */
function exchange(method: string) {
  const socket = { writable: true, end: vi.fn() }
  const request = Object.assign(new EventEmitter(), { method, complete: false, socket })
  const response = { setTimeout: vi.fn() }
  const limit = (endpoint: { form?: unknown; isBytes?: boolean }) =>
    limitReceiving(request as unknown as IncomingMessage, response as unknown as ServerResponse, endpoint) // only these
  return { socket, request, response, limit }
}

test('a body that is buffered has a minute', () => {
  const { socket, limit } = exchange('POST')
  limit({})
  vi.advanceTimersByTime(59_999)
  expect(socket.end).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(socket.end).toHaveBeenCalledWith(expect.stringContaining('it took too long to arrive'))
})

test('one that has come is left alone, and leaves no timer', () => {
  const { socket, request, limit } = exchange('POST')
  limit({})
  request.complete = true
  request.emit('close')
  expect(vi.getTimerCount()).toBe(0)
  vi.advanceTimersByTime(120_000)
  expect(socket.end).not.toHaveBeenCalled()
})

test('a file may take longer, but not stand still for a minute', () => {
  for (const endpoint of [{ form: {} }, { isBytes: true }]) {
    const { socket, response, limit } = exchange('POST')
    limit(endpoint)
    expect(response.setTimeout).toHaveBeenCalledWith(60_000)
    vi.advanceTimersByTime(600_000)
    expect(socket.end).not.toHaveBeenCalled()
  }
})
