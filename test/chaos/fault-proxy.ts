import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands between clients and a server, and does to their connections what networks do. */
export interface FaultProxy {
  port: number
  /** How long everything is held back, each way. */
  latencyMs: number
  /** Cut every connection, with a reset. */
  reset(): void
  close(): void
}

export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1')
    const pair = [client, target] as const
    pairs.add(pair)
    carry(client, target)
    carry(target, client)
    for (const socket of pair) {
      socket.on('error', () => {}) // the other side's end says enough
      socket.once('close', () => {
        pairs.delete(pair)
        for (const other of pair) other.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: FaultProxy = {
    port: (server.address() as AddressInfo).port, // a server that listens on TCP has one
    latencyMs: 0,
    reset() {
      for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy()
    },
    close() {
      server.close()
      proxy.reset()
    },
  }
  const carry = (from: Socket, to: Socket) => {
    let due = 0
    from.on('data', (bytes) => {
      // In order, however the latency changes.
      due = Math.max(due, performance.now() + proxy.latencyMs)
      setTimeout(() => to.destroyed || to.write(bytes), due - performance.now())
    })
    from.on('end', () => setTimeout(() => to.end(), Math.max(0, due - performance.now()) + 1))
  }
  return proxy
}
