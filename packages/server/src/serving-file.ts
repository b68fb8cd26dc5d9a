import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Serving } from './catalog/serving.js'
import { HomeError } from './home.js'
import { withLock } from './lock.js'
import { writeDurably } from './pull/durable.js'

const FILE = 'serving.json'
const Content = z.record(z.string().min(1), z.string().min(1))

/**
 * What `quiver use` has put behind public names in this home; empty when it never did.
 *
 * @throws {HomeError} for a file that is not what `quiver use` writes: to go on without it would change vectors in silence.
 */
export function readServing(home: string): Serving {
  const path = join(home, FILE)
  try {
    return Content.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw new HomeError(`${path} is not right; remove it, or mend it: {"public id": "name of a pulled model"}.`)
  }
}

/** Change one name, whatever other processes change at the same time. `undefined` goes back to the built-in model. */
export async function changeServing(home: string, id: string, name: string | undefined): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 })
  const busy = new HomeError(`${FILE} is being changed by another process.`)
  await withLock(join(home, `.${FILE}.lock`), { busy }, async () => {
    const { [id]: _, ...others } = readServing(home)
    const serving = name === undefined ? others : { ...others, [id]: name }
    await writeDurably(join(home, FILE), `${JSON.stringify(serving, null, 2)}\n`)
  })
}
