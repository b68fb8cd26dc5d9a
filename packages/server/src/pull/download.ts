import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncToDisk } from './durable.js'
import type { Reach } from './get-json.js'
import { hashFile } from './hash.js'
import { type Answer, checkAnswer } from './http.js'
import { forgetPart, type Lane, type Lanes, loadPart, type Part, savePart } from './part.js'
import { diskError, PullError, reasonOf, TransientError } from './pull-error.js'
import type { OfferedFile } from './repository.js'
import { withRetries } from './retry.js'

/** A file that comes over the network. */
export type RemoteFile = OfferedFile & { from: { url: string } }

export interface DownloadOptions extends Reach {
  /** Where the file goes, under its own path. */
  folder: string
  /** Bounds the connections of all downloads together. */
  limit: <Value>(work: () => Promise<Value>) => Promise<Value>
  lanes: Lanes
  /** Bytes more, or fewer where some had to be thrown away. */
  onBytes: (path: string, count: number) => void
}

/** Time between two notes of how far a lane is: what arrives in it is fetched again after a crash. */
const NOTE_EVERY_MS = 1_000

/** The server sends the whole file, whichever part it is asked for. */
class RangesIgnored extends Error {}

/**
 * Bring one file into its folder: over several connections if it is large, from where an earlier pull stopped, checked
 * against its promised length and hash, and under its own name only then.
 *
 * @returns its SHA-256.
 * @throws {PullError} when the server gives up or lies (a wrong hash twice), or the disk is full.
 */
export async function download(file: RemoteFile, options: DownloadOptions): Promise<string> {
  const target = join(options.folder, file.path)
  await mkdir(dirname(target), { recursive: true })
  const there = await checkExisting(target, file, options)
  if (there !== undefined) return there
  for (let isSecond = false; ; isSecond = true) {
    const part = await fetchPart(file, target, options)
    const { sha256, isAsPromised } = await hashFile(part.path, { ...file, ...promisedBy(file), signal: options.signal })
    if (isAsPromised) {
      await syncToDisk(part.path)
      await rename(part.path, target)
      await forgetPart(target)
      await syncToDisk(dirname(target))
      return sha256
    }
    // Bytes of an earlier pull, or of one connection, were wrong. Which ones cannot be told.
    options.onBytes(file.path, -file.bytes)
    await forgetPart(target)
    if (isSecond) {
      const promised = file.hash === undefined ? 'other bytes' : `${file.hash.algorithm} ${file.hash.hex}`
      throw new PullError(
        `${file.path}: came with SHA-256 ${sha256}, its source promises ${promised}; twice. Not kept.`,
      )
    }
  }
}

function promisedBy({ hash }: OfferedFile) {
  return hash === undefined ? {} : { promised: hash }
}

/** A file that an earlier pull finished counts only after its hash was computed again. */
async function checkExisting(target: string, file: RemoteFile, options: DownloadOptions): Promise<string | undefined> {
  const found = await stat(target).catch(() => undefined)
  if (found === undefined) return undefined
  if (found.size === file.bytes && file.hash !== undefined) {
    const { sha256, isAsPromised } = await hashFile(target, { ...file, promised: file.hash, signal: options.signal })
    if (isAsPromised) {
      options.onBytes(file.path, file.bytes)
      return sha256
    }
  }
  await rm(target)
  return undefined
}

/** Fill the `.part` file, all of whose lanes are done then. */
async function fetchPart(file: RemoteFile, target: string, options: DownloadOptions): Promise<Part> {
  const part = await loadPart(target, file, options.lanes)
  options.onBytes(
    file.path,
    part.lanes.reduce((sum, { done }) => sum + done, 0),
  )
  try {
    await fillLanes(part, file, options)
    return part
  } catch (error) {
    if (!(error instanceof RangesIgnored)) throw error
    options.onBytes(file.path, -part.lanes.reduce((sum, { done }) => sum + done, 0))
    await forgetPart(target)
    const whole = {
      ...(await loadPart(target, file, options.lanes)),
      lanes: [{ start: 0, end: file.bytes, done: 0 }],
      isWhole: true,
    }
    await fillLanes(whole, file, options)
    return whole
  }
}

async function fillLanes(part: Part, file: RemoteFile, options: DownloadOptions): Promise<void> {
  const stopped = new AbortController()
  const signal = AbortSignal.any([options.signal, stopped.signal])
  const handle = await open(part.path, part.isNew ? 'w+' : 'r+')
  try {
    const lanes = part.lanes.filter(({ start, end, done }) => start + done < end)
    const work = lanes.map((lane) =>
      options
        .limit(() => fillLane({ part, lane, file, handle }, { ...options, signal }))
        .catch((error: unknown) => {
          stopped.abort(error) // one lane that fails for good stops its neighbours
          throw error
        }),
    )
    const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected')
    options.signal.throwIfAborted()
    if (failed !== undefined) throw stopped.signal.reason
  } finally {
    await handle.close()
    savePart(part)
  }
}

interface LaneWork {
  part: Part
  lane: Lane
  file: RemoteFile
  handle: FileHandle
}

async function fillLane(work: LaneWork, options: DownloadOptions): Promise<void> {
  const { part, lane, file } = work
  const { patience, signal } = options
  await withRetries(
    async (progressed) => {
      const before = lane.done
      try {
        if (part.isWhole && lane.done > 0) {
          options.onBytes(file.path, -lane.done)
          lane.done = 0
        }
        await fetchLane(work, options)
      } finally {
        // A whole file that starts anew each time gets no further by getting as far again.
        if (!part.isWhole && lane.done - before >= patience.stallBytes) progressed()
      }
    },
    { patience, signal, what: file.path },
  )
}

/** One request: everything that the lane still lacks, as far as it comes. */
async function fetchLane({ part, lane, file, handle }: LaneWork, options: DownloadOptions): Promise<void> {
  const { http, patience, onBytes } = options
  const pace = watchPace(options)
  try {
    const first = lane.start + lane.done
    const isAll = first === 0 && lane.end === file.bytes
    const answer = checkAnswer(
      await http.get(file.from.url, {
        signal: pace.signal,
        answerMs: patience.answerMs,
        ...('credentials' in file.from && file.from.credentials ? { credentials: file.from.credentials } : {}),
        ...(isAll ? {} : { headers: { range: `bytes=${first}-${lane.end - 1}` } }),
      }),
    )
    checkExtent(answer, { first, lane, file })
    pace.start()
    let notedAt = performance.now()
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      if (lane.done + chunk.length > lane.end - lane.start)
        throw new TransientError('more bytes came than were promised')
      await writeAll(handle, chunk, lane.start + lane.done)
      lane.done += chunk.length
      pace.count(chunk.length)
      onBytes(file.path, chunk.length)
      if (performance.now() - notedAt > NOTE_EVERY_MS) {
        savePart(part)
        notedAt = performance.now()
      }
    }
    if (lane.start + lane.done < lane.end) throw new TransientError('the connection ended early')
  } catch (error) {
    throw asTransient(error, pace.signal, options)
  } finally {
    pace.stop()
  }
}

/** What is about to come must be what was asked for, of a file as long as was promised. */
function checkExtent(
  { status, headers, url, body }: Answer,
  { first, lane, file }: { first: number; lane: Lane; file: RemoteFile },
): void {
  const refuse = (error: Error): never => {
    body.destroy()
    throw error
  }
  if (status === 206) {
    const [, from, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(String(headers['content-range'])) ?? []
    if (Number(from) !== first) refuse(new RangesIgnored())
    if (Number(total) !== file.bytes) refuse(wrongLength(url, file, Number(total)))
    return
  }
  if (first !== 0 || lane.end !== file.bytes) refuse(new RangesIgnored())
  const length = headers['content-length']
  if (length !== undefined && Number(length) !== file.bytes) refuse(wrongLength(url, file, Number(length)))
}

function wrongLength(url: string, { path, bytes }: OfferedFile, came: number): PullError {
  return new PullError(`${path}: has ${came} bytes at ${new URL(url).host}, its source promises ${bytes}.`)
}

async function writeAll(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    written += (await handle.write(chunk, written, chunk.length - written, position + written)).bytesWritten
  }
}

/** Errors of the stream are of the moment; those of the disk are not, and our own keep their meaning. */
function asTransient(error: unknown, signal: AbortSignal, options: DownloadOptions): unknown {
  options.signal.throwIfAborted()
  if (error instanceof PullError || error instanceof TransientError || error instanceof RangesIgnored) return error
  if (signal.aborted && signal.reason instanceof TransientError) return signal.reason
  const broken = new TransientError(`the connection broke (${reasonOf(error)})`, undefined, { cause: error })
  return diskError(error) ?? broken
}

/** A signal that fires when too little arrives after the start, or with the caller's own. */
function watchPace({ patience, signal }: Pick<DownloadOptions, 'patience' | 'signal'>) {
  const stalled = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let arrived = 0
  const look = () => {
    if (arrived < patience.stallBytes) {
      stalled.abort(new TransientError(`only ${arrived} bytes came in ${patience.stallMs / 1000} s`))
    }
    arrived = 0
  }
  return {
    signal: AbortSignal.any([signal, stalled.signal]),
    start() {
      timer = setInterval(look, patience.stallMs)
    },
    count(bytes: number) {
      arrived += bytes
    },
    stop: () => clearInterval(timer),
  }
}
