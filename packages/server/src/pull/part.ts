import { renameSync, writeFileSync } from 'node:fs'
import { readFile, rm, stat } from 'node:fs/promises'
import { z } from 'zod'
import type { OfferedFile } from './repository.js'

/** A stretch of a file that one connection fetches, from its start on. `end` is exclusive. */
export interface Lane {
  start: number
  end: number
  done: number
}

/** A file that is not complete: its bytes in `<target>.part`, how far each lane is in `<target>.part.json`. */
export interface Part {
  path: string
  lanes: Lane[]
  /** Nothing is there yet. */
  isNew: boolean
  /** The server sends whole files only, so that each try begins anew. */
  isWhole: boolean
  /** Of the file that is to come; a note of another one is no use. */
  wanted: string
}

/** How a large file is divided among connections. */
export interface Lanes {
  most: number
  /** A shorter stretch is not worth a connection of its own. */
  minBytes: number
}

export const LANES: Lanes = { most: 4, minBytes: 16 * 1024 * 1024 }

const Note = z.object({
  wanted: z.string(),
  lanes: z.array(z.object({ start: z.int().nonnegative(), end: z.int().nonnegative(), done: z.int().nonnegative() })),
})

/**
 * What an earlier pull left of this very file (same length and hash), or lanes to begin with.
 *
 * A note is a hint: it is written after the bytes, but a power cut may lose them and keep it. The hash of the whole decides.
 */
export async function loadPart(target: string, file: OfferedFile, division: Lanes): Promise<Part> {
  const path = `${target}.part`
  const wanted = `${file.bytes} ${file.hash?.hex ?? 'no hash'}`
  const lanes = file.hash === undefined ? undefined : await readLanes(path, wanted)
  if (lanes !== undefined) return { path, lanes, isNew: false, isWhole: false, wanted }
  return { path, lanes: newLanes(file.bytes, division), isNew: true, isWhole: false, wanted }
}

/**
 * Note how far it is; nothing for a whole file, which can't be resumed. A few hundred bytes, written synchronously so that
 * two lanes never write at once. A note that cannot be written is one that a later pull does without.
 */
export function savePart({ path, lanes, wanted, isWhole }: Part): void {
  if (isWhole) return
  const temporary = `${path}.json.part`
  try {
    writeFileSync(temporary, JSON.stringify({ wanted, lanes }))
    renameSync(temporary, `${path}.json`)
  } catch {
    // The disk is full or gone; the write of the bytes themselves says so.
  }
}

export async function forgetPart(target: string): Promise<void> {
  await rm(`${target}.part.json`, { force: true })
  await rm(`${target}.part`, { force: true })
}

async function readLanes(path: string, wanted: string): Promise<Lane[] | undefined> {
  try {
    const note = Note.parse(JSON.parse(await readFile(`${path}.json`, 'utf8')))
    const { size } = await stat(path)
    const isUsable = note.lanes.every(
      ({ start, end, done }) => done <= end - start && (done === 0 || start + done <= size),
    )
    return note.wanted === wanted && isUsable ? note.lanes : undefined
  } catch {
    return undefined // no note, or half of one: as good as none
  }
}

function newLanes(bytes: number, { most, minBytes }: Lanes): Lane[] {
  const count = Math.max(1, Math.min(most, Math.floor(bytes / minBytes)))
  const length = Math.ceil(bytes / count)
  return Array.from({ length: count }, (_, i) => ({
    start: i * length,
    end: Math.min(bytes, (i + 1) * length),
    done: 0,
  }))
}
