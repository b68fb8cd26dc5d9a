import { createWriteStream, openAsBlob } from 'node:fs'
import { access, constants, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import type { Batch, QuiverClient } from '@quiver/client'
import { UserError } from './exit.js'

/**
 * Send a file of this machine to the server; it is read while it is sent.
 *
 * @param options.ending of its name there: a task's file is a text whatever its name is here.
 * @returns its id there.
 */
export async function upload(
  client: QuiverClient,
  path: string,
  { purpose, ending = '' }: { purpose: 'batch' | 'user_data'; ending?: string },
): Promise<string> {
  await checkReadable(path)
  const name = basename(path)
  const filename = name.toLowerCase().endsWith(ending) ? name : `${name}${ending}`
  return (await client.files.upload(await openAsBlob(path), { filename, purpose })).id
}

/** @throws {UserError} when it is not a file. */
export async function checkReadable(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true) throw new UserError(`${path} is no file that can be read.`)
}

/** Asked before the work that a file is to hold. @throws {UserError} when it cannot be written. */
export async function checkWritable(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) throw new UserError(`${path} is a folder, not a file.`)
  await access(dirname(path), constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`${path} cannot be written (${error.code ?? error.message}).`)
  })
}

/** The files of a batch that has ended, as far as it has them. */
export async function downloadBatch(
  client: QuiverClient,
  { outputFileId, errorFileId }: Batch,
  { output, errors }: { output?: string | undefined; errors?: string | undefined },
): Promise<void> {
  if (outputFileId !== undefined && output !== undefined) await download(await client.files.read(outputFileId), output)
  if (errorFileId !== undefined && errors !== undefined) await download(await client.files.read(errorFileId), errors)
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
