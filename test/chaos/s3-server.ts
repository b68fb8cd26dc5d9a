import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './mortal-server.js'

const BUCKET = 'quiver'
const ACCOUNT = { id: 'quiver-chaos', secret: 'quiver-chaos-secret' }

/** Settings of a server that keeps its files there. */
export function settingsOfS3(endpoint: string): Record<string, string> {
  return {
    QUIVER_S3_BUCKET: BUCKET,
    QUIVER_S3_ENDPOINT: endpoint,
    QUIVER_S3_ACCESS_KEY_ID: ACCOUNT.id,
    QUIVER_S3_SECRET_ACCESS_KEY: ACCOUNT.secret,
  }
}

/** An S3 service with one bucket. @param program of versitygw, by name or path. */
export async function startS3(program: string): Promise<{ endpoint: string; port: number; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-chaos-s3-'))
  mkdirSync(join(folder, BUCKET))
  const port = await freePort()
  const server = spawn(program, ['--port', `127.0.0.1:${port}`, 'posix', folder], {
    env: { ...process.env, ROOT_ACCESS_KEY: ACCOUNT.id, ROOT_SECRET_KEY: ACCOUNT.secret },
    stdio: 'ignore',
  })
  const endpoint = `http://127.0.0.1:${port}`
  await untilListening(endpoint, server)
  return {
    endpoint,
    port,
    async stop() {
      const ended = once(server, 'exit')
      server.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function untilListening(url: string, server: ChildProcess): Promise<void> {
  while (server.exitCode === null) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer !== undefined) return
    await sleep(100)
  }
  throw new Error(`the S3 server ended with ${server.exitCode}`)
}
