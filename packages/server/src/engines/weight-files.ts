import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** What a manifest says of a file. */
export const FileEntry = z.object({ bytes: z.int(), sha256: z.string().length(64) })

/** The files of a model are missing, damaged or not what the manifest says. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError'
}

/** A whole file of a folder of weights. @throws {WeightsError} */
export async function readWeights(folder: string, name: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, name))
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new WeightsError(`${join(folder, name)} cannot be read (${reason}).`)
  }
}

/** A whole file, every byte held against the manifest's hash. @throws {WeightsError} */
export async function readVerified(
  folder: string,
  name: string,
  expected: z.output<typeof FileEntry>,
): Promise<Buffer> {
  const bytes = await readWeights(folder, name)
  if (bytes.length !== expected.bytes) {
    throw new WeightsError(`${join(folder, name)} has ${bytes.length} bytes instead of ${expected.bytes}.`)
  }
  if (createHash('sha256').update(bytes).digest('hex') !== expected.sha256) {
    throw new WeightsError(`${join(folder, name)} is damaged: its SHA-256 is not the manifest's.`)
  }
  return bytes
}

/** A JSON file of a folder of weights. @throws {WeightsError} */
export function parseWeightsFile<Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  bytes: Buffer,
): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(bytes.toString()))
  } catch (error) {
    throw new WeightsError(`${name} is not as expected: ${error instanceof Error ? error.message : String(error)}`)
  }
}
