import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { openOneServer } from './kill.js'
import { settingsOfS3, startS3 } from './s3-server.js'
import type { Sweepable } from './sweep.js'

/**
 * What becomes of a request: it does not arrive; it arrives, and its answer does not; it is refused; half of the answer's body
 * comes, and then the connection breaks, or nothing; nothing comes at all.
 */
const S3_FAULTS = [
  'reset-before',
  'reset-after',
  'internal-error',
  'slow-down',
  'truncated',
  'stalled',
  'silent',
] as const
type S3Fault = (typeof S3_FAULTS)[number]

const REFUSALS: Readonly<Partial<Record<S3Fault, { status: number; code: string }>>> = {
  'internal-error': { status: 500, code: 'InternalError' },
  'slow-down': { status: 503, code: 'SlowDown' },
}
/** Only answers with a body can break off in it. */
const NEEDS_BODY: ReadonlySet<S3Fault> = new Set(['truncated', 'stalled'])
/** So that silence is noticed soon, and a slow machine is not taken for it. */
const SILENCE_MS = 2000

interface S3Proxy {
  endpoint: string
  counted: number
  failures: string[]
  arm(fault: S3Fault, at: number, count: number): void
  disarm(): void
  close(): void
}

/** One server, with SQLite, whose requests to S3 fail on the way. @param program of versitygw. */
export async function openOnFaultyS3(
  settings: Readonly<Record<string, string>>,
  { config, program }: { config: object; program: string },
): Promise<Sweepable<S3Fault>> {
  const bucket = await startS3(program)
  const proxy = await startS3Proxy(bucket.port)
  const its = { ...settingsOfS3(proxy.endpoint), QUIVER_S3_SILENCE_MS: String(SILENCE_MS) }
  const one = await openOneServer({ ...settings, ...its }, config)
  return {
    ...one,
    steps: {
      faults: S3_FAULTS,
      arm: proxy.arm,
      disarm: proxy.disarm,
      get counted() {
        return proxy.counted
      },
      failures: () => [...proxy.failures],
    },
    checkRunning: () => one.server.checkRunning(),
    async remove() {
      await one.remove()
      proxy.close()
      await bucket.stop()
    },
  }
}

async function startS3Proxy(targetPort: number): Promise<S3Proxy> {
  const agent = new Agent({ keepAlive: true })
  let armed: { fault: S3Fault; at: number; count: number } | undefined
  /** The fault that strikes this request, if one does. */
  const faultOf = ({ method, url }: IncomingMessage): S3Fault | undefined => {
    if (armed === undefined || (NEEDS_BODY.has(armed.fault) && method !== 'GET')) return undefined
    const step = ++proxy.counted
    if (step < armed.at || step >= armed.at + armed.count) return undefined
    proxy.failures.push(`${method} ${placeOf(url ?? '')}`)
    return armed.fault
  }
  const server = createServer((incoming, outgoing) => {
    outgoing.on('error', () => {}) // whoever asked has hung up
    carry(incoming, outgoing, { fault: faultOf(incoming), agent, targetPort }).catch(() => outgoing.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a server that listens on TCP has one
  const proxy: S3Proxy = {
    endpoint: `http://127.0.0.1:${port}`,
    counted: 0,
    failures: [],
    arm(fault, at, count) {
      proxy.counted = 0
      armed = { fault, at, count }
    },
    disarm() {
      armed = undefined
    },
    close() {
      server.closeAllConnections()
      server.close()
      agent.destroy()
    },
  }
  return proxy
}

/** The service checks a signature over the headers, so they go on as they came. */
async function carry(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { fault, agent, targetPort }: { fault: S3Fault | undefined; agent: Agent; targetPort: number },
): Promise<void> {
  const refusal = fault && REFUSALS[fault]
  if (fault === 'reset-before') return void incoming.socket.resetAndDestroy()
  if (fault === 'silent') return
  const body = await buffer(incoming)
  if (refusal !== undefined) {
    outgoing.writeHead(refusal.status, { 'content-type': 'application/xml' })
    outgoing.end(`<?xml version="1.0"?><Error><Code>${refusal.code}</Code><Message>later</Message></Error>`)
    return
  }
  const { method, url, rawHeaders } = incoming
  const forward = request({ agent, host: '127.0.0.1', port: targetPort, method, path: url, headers: rawHeaders })
  forward.end(body)
  const [answer] = (await once(forward, 'response')) as [IncomingMessage] // the event's own argument
  const answered = await buffer(answer)
  if (fault === 'reset-after') return void incoming.socket.resetAndDestroy()
  outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
  if (fault === undefined) return void outgoing.end(answered)
  outgoing.write(answered.subarray(0, answered.length / 2), () => {
    if (fault === 'truncated') incoming.socket.resetAndDestroy()
  })
}

/** A request's path without what is in names that differ each time. */
function placeOf(url: string): string {
  return url.replace(/\?.*(list-type|uploads|uploadId|prefix).*/, ' $1').replace(/[0-9a-f]{8}[0-9a-f-]{24,}/g, 'id')
}
