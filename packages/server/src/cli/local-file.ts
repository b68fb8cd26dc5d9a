import { createWriteStream, openAsBlob } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import type { QuiverClient } from '@quiver/client'
import { UserError } from './exit.js'

/** Send a file of this machine to the server; it is read while it is sent. @returns its id there. */
export async function upload(client: QuiverClient, path: string, purpose: 'batch' | 'user_data'): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true) throw new UserError(`${path} is no file that can be read.`)
  return (await client.files.upload(await openAsBlob(path), { filename: basename(path), purpose })).id
}

/** Write bytes to a file, which takes its name when it is complete. */
export async function download(source: globalThis.ReadableStream<Uint8Array>, path: string): Promise<void> {
  const part = `${path}.part`
  try {
    // The same class under the names of two type libraries.
    await pipeline(Readable.fromWeb(source as ReadableStream), createWriteStream(part))
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}
