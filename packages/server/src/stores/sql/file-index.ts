import { ApiError } from '@quiver/protocol'
import type { Kysely, Selectable, Transaction } from 'kysely'
import type { FileIndex, FileQuota, StoredFile } from '../../files/file-index.js'
import type { FilesTable } from '../schema/file-tables.js'
import type { Tables } from '../schema/tables.js'

/** Values of one `in (…)`; below every database's limit on parameters. */
const MAX_IN = 500

/**
 * The file index of SQLite and PostgreSQL.
 *
 * @param options.serialize makes the rest of a transaction wait for those that add files to the same project; in SQLite every
 * transaction that writes does that by itself.
 */
export function createSqlFileIndex(
  database: Kysely<Tables>,
  {
    serialize = async () => {},
  }: { serialize?: (transaction: Transaction<Tables>, lock: string) => Promise<void> } = {},
): FileIndex {
  return {
    add: (file, quota, now) =>
      database.transaction().execute(async (transaction) => {
        await serialize(transaction, `files ${file.project}`)
        const earlier = await transaction
          .selectFrom('files')
          .selectAll()
          .where('project', '=', file.project)
          .where('id', '=', file.id)
          .executeTakeFirst()
        if (earlier !== undefined) return toFile(earlier)
        checkQuota(file, await usageOf(transaction, file.project, now), quota)
        await transaction.insertInto('files').values(toRow(file)).execute()
        return file
      }),

    async find(project, kind, id, now) {
      const row = await unexpired(database, now)
        .selectAll()
        .where('project', '=', project)
        .where('kind', '=', kind)
        .where('id', '=', id)
        .executeTakeFirst()
      return row && toFile(row)
    },

    async list({ project, purpose, createdAfter, createdBefore, order, after, limit }, now) {
      const beyond = order === 'asc' ? '>' : '<'
      let rows = unexpired(database, now)
        .selectAll()
        .where('project', '=', project)
        .where('kind', '=', 'file')
        .orderBy('created_at', order)
        .orderBy('id', order)
        .limit(limit)
      if (purpose !== undefined) rows = rows.where('purpose', '=', purpose)
      if (createdAfter !== undefined) rows = rows.where('created_at', '>=', createdAfter.getTime())
      if (createdBefore !== undefined) rows = rows.where('created_at', '<=', createdBefore.getTime())
      if (after !== undefined) {
        const at = after.createdAt.getTime()
        rows = rows.where(({ eb, or, and }) =>
          or([eb('created_at', beyond, at), and([eb('created_at', '=', at), eb('id', beyond, after.id)])]),
        )
      }
      return (await rows.execute()).map(toFile)
    },

    async remove(project, id) {
      const row = await database
        .deleteFrom('files')
        .where('project', '=', project)
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst()
      return row && toFile(row)
    },

    usage: (project, now) => usageOf(database, project, now),

    async expired(now, limit) {
      const rows = await database
        .selectFrom('files')
        .selectAll()
        .where('expires_at', '<=', now.getTime())
        .orderBy('expires_at')
        .limit(limit)
        .execute()
      return rows.map(toFile)
    },

    async referenced(blobKeys) {
      const found = new Set<string>()
      for (let at = 0; at < blobKeys.length; at += MAX_IN) {
        const rows = await database
          .selectFrom('files')
          .select('blob_key')
          .where('blob_key', 'in', blobKeys.slice(at, at + MAX_IN))
          .execute()
        for (const { blob_key } of rows) found.add(blob_key)
      }
      return found
    },
  }
}

function unexpired(database: Kysely<Tables>, now: Date) {
  return database
    .selectFrom('files')
    .where(({ eb, or }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', now.getTime())]))
}

/** What a project keeps of files; what has expired does not count. */
export async function usageOf(database: Kysely<Tables>, project: string, now: Date) {
  const { files, bytes } = await unexpired(database, now)
    .select(({ fn }) => [fn.countAll<number>().as('files'), fn.sum<number | null>('bytes').as('bytes')])
    .where('project', '=', project)
    .executeTakeFirstOrThrow()
  // PostgreSQL's sums are text.
  return { files: Number(files), bytes: Number(bytes ?? 0) }
}

function checkQuota(file: StoredFile, kept: { files: number; bytes: number }, quota: FileQuota): void {
  if (kept.files + 1 > quota.maxFiles) {
    throw new ApiError(
      'file_quota_exceeded',
      `Upload file number exceed limit. ${quota.maxFiles} files may be kept, ${kept.files} are; delete some.`,
    )
  }
  if (kept.bytes + file.bytes > quota.maxBytes) {
    const sizes = `${quota.maxBytes} bytes may be kept, ${kept.bytes} are, this file has ${file.bytes}`
    throw new ApiError('file_quota_exceeded', `Upload file capacity exceed limit. ${sizes}; delete some.`)
  }
}

function toRow(file: StoredFile): FilesTable {
  const { blobKey, createdAt, expiresAt, model, ...same } = file
  return {
    ...same,
    blob_key: blobKey,
    model: model ?? null,
    created_at: createdAt.getTime(),
    expires_at: expiresAt?.getTime() ?? null,
  }
}

function toFile(row: Selectable<FilesTable>): StoredFile {
  return {
    id: row.id,
    project: row.project,
    kind: row.kind as StoredFile['kind'], // written by toRow only
    purpose: row.purpose,
    filename: row.filename,
    bytes: Number(row.bytes),
    sha256: row.sha256,
    blobKey: row.blob_key,
    model: row.model ?? undefined,
    createdAt: new Date(Number(row.created_at)),
    expiresAt: row.expires_at === null ? undefined : new Date(Number(row.expires_at)),
  }
}
