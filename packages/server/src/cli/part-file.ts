import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
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
  const file = await open(temporary, earlier === undefined ? 'w+' : 'r+').catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`${path} cannot be written (${error.code ?? error.message}).`)
  })
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
      await file.write(data, 0, data.length, bytes)
      bytes += data.length
    },
    overwrite: async (head: Buffer) => void (await file.write(head, 0, head.length, 0)),
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
