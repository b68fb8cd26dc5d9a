import { QuiverClient, QuiverError } from '@quiver/client'
import type { Command } from 'commander'
import { loadSettings } from '../config.js'
import { findRunningServer } from '../home.js'
import { UserError } from './exit.js'

/** Give a command the options that say which server it speaks to. */
export function addServerOptions(command: Command): Command {
  return command
    .option('--url <url>', 'the server (default: the one that runs on this home) [QUIVER_URL]')
    .option('--api-key <key>', 'a key of the server, where it asks for one [QUIVER_API_KEY]')
}

export interface ServerOptions {
  url?: string
  apiKey?: string
}

/** @throws {UserError} when no server runs and none is named. */
export function clientOf({ url, apiKey }: ServerOptions): QuiverClient {
  const environment = process.env
  const baseUrl = url ?? environment.QUIVER_URL ?? findRunningServer(loadSettings({ environment }).home)?.url
  if (baseUrl === undefined) throw new UserError('no server runs here; start `quiver serve`, or name one with --url.')
  return new QuiverClient({ baseUrl, apiKey: apiKey ?? environment.QUIVER_API_KEY ?? 'any' })
}

/** What the server refused, in one line for a person. */
export async function explained<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof QuiverError ? new UserError(error.message) : error
  }
}
