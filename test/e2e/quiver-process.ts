import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const QUIVER = fileURLToPath(new URL('../../packages/server/bin/quiver.js', import.meta.url))

/** `quiver serve` in a process of its own. */
export interface QuiverProcess {
  url: string
  child: ChildProcess
  /** The configuration file, where there is one. */
  configFile: string
  /** Whatever state it is in; also removes its home. */
  end(): Promise<void>
}

/** Start a server on a free port with a home of its own. @param config of the file; JSON is YAML too. */
export async function startQuiver(
  environment: Readonly<Record<string, string>> = {},
  config: unknown = {},
): Promise<QuiverProcess> {
  const home = await mkdtemp(join(tmpdir(), 'quiver-e2e-'))
  const configFile = join(home, 'quiver.yaml')
  await writeFile(configFile, JSON.stringify(config))
  const child = spawn(process.execPath, [QUIVER, 'serve', '--port', '0', '--threads', '1', '--config', configFile], {
    env: { PATH: process.env.PATH, QUIVER_HOME: home, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return {
    url: await urlFrom(child),
    child,
    configFile,
    async end() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** The first address that it prints. @throws when it ends before that. */
function urlFrom(child: ChildProcess): Promise<string> {
  let text = ''
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with code ${code} before it was ready`)))
    child.stdout?.on('data', (part) => {
      text += String(part)
      const url = text.match(/http:\/\/[\d.]+:\d+(?=\s)/)?.[0]
      if (url !== undefined) resolve(url)
    })
  })
}
