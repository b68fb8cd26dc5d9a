import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { UserError } from './exit.js'

/** How far a file is: what lies behind `bytes` was written after this was noted. */
interface Checkpoint {
  resumeKey: string
  linesDone: number
  bytes: number
  rows: number
  columns: number
}

/** A file beside the wanted one, which takes its name when it is complete and on the disk. */
export async function openPart(path: string, resumeKey: string | undefined) {
  const temporary = `${path}.part`
  const notes = `${temporary}.json`
  const earlier = resumeKey === undefined ? undefined : await readCheckpoint(notes, { resumeKey, temporary })
  // Found now, not when hours of work are to take the name.
  if ((await stat(path).catch(() => undefined))?.isDirectory()) throw new UserError(`${path} is a folder, not a file.`)
  const file = await open(temporary, earlier === undefined ? 'w+' : 'r+').catch(refusedBy(path))
  const { linesDone = 0, rows = 0, columns = 0 } = earlier ?? {}
  let bytes = earlier?.bytes ?? 0
  await file.truncate(bytes)
  const checkpoint = async (done: Pick<Checkpoint, 'linesDone' | 'rows' | 'columns'>) => {
    if (resumeKey === undefined) return
    await file.sync()
    const next = `${notes}.new`
    await writeFile(next, JSON.stringify({ resumeKey, bytes, ...done } satisfies Checkpoint))
    await rename(next, notes)
  }
  const close = async () => {
    await file.close().catch(() => {}) // already closed when finishing failed
  }
  return {
    temporary,
    rows,
    columns,
    checkpoint,
    async append(data: Buffer) {
      await writeAll(file, data, bytes).catch(refusedBy(path))
      bytes += data.length
    },
    overwrite: (head: Buffer) => writeAll(file, head, 0).catch(refusedBy(path)),
    /** @param other takes the name in its place; it is flushed already. */
    async finish(other?: string) {
      if (other === undefined) await file.sync()
      await file.close()
      await rename(other ?? temporary, path)
      await rm(temporary, { force: true })
      await rm(notes, { force: true })
    },
    /** From the start; fewer bytes only at the end. */
    async read(at: number, length: number): Promise<Buffer> {
      const data = Buffer.alloc(length)
      const { bytesRead } = await file.read(data, 0, length, at)
      return data.subarray(0, bytesRead)
    },
    /** What both kinds of file do alike. */
    file: {
      linesDone,
      checkpoint: (done: number) => checkpoint({ linesDone: done, rows, columns }),
      suspend: close,
      async discard() {
        await close()
        await rm(temporary, { force: true })
        await rm(notes, { force: true })
      },
    },
  }
}

/** What the system refused, as the user's to mend. */
export function refusedBy(path: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    throw new UserError(`${path} cannot be written (${error.code ?? error.message}).`)
  }
}

/** A disk that is nearly full takes only the beginning, without an error; that comes with the rest. */
async function writeAll(file: FileHandle, data: Buffer, at: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    done += (await file.write(data, done, data.length - done, at + done)).bytesWritten
  }
}

/** What an earlier run of the same command left, if it can be gone on from. */
async function readCheckpoint(
  notes: string,
  { resumeKey, temporary }: { resumeKey: string; temporary: string },
): Promise<Checkpoint | undefined> {
  try {
    const checkpoint = JSON.parse(await readFile(notes, 'utf8')) as Checkpoint // written by openPart only
    const { size } = await stat(temporary)
    return checkpoint.resumeKey === resumeKey && size >= checkpoint.bytes ? checkpoint : undefined
  } catch {
    return undefined // there is none, or half of one
  }
}
