import { spawn } from 'node:child_process'
import { ApiError } from '@quiver/protocol'
import { invalidMedia } from './invalid-media.js'
import type { VideoLimits } from './limits.js'

/**
 * Resolves the program by the server's PATH, sets the limits, and becomes the program, with an environment of nothing.
 * Limits that a system does not know (macOS has none of address space) are left out; the deadline holds everywhere.
 */
const LAUNCH = `
program=$(command -v "$1") || exit 127
ulimit -c 0; ulimit -t "$2"; ulimit -v "$3" 2>/dev/null
shift 3
exec env -i "$program" "$@"`
/** What the shell says when there is no such program. */
const NOT_FOUND = 127
/** Of what the program complains, for the log. */
const MAX_COMPLAINT_CHARACTERS = 2_000

export interface FfmpegOptions {
  /** By name, looked for in PATH, or by path. */
  ffmpeg: string
  limits: VideoLimits
  /** Ends the program with SIGKILL. */
  signal: AbortSignal
}

/**
 * What ffmpeg writes to its standard output.
 *
 * @param maxOutputBytes more of it ends the program.
 *
 * @throws {ApiError} `not_supported` where it is not installed; `invalid_media` when it fails or is over a limit.
 * @throws the signal's reason.
 */
export function runFfmpeg(
  words: readonly string[],
  { ffmpeg, limits, maxOutputBytes, signal }: FfmpegOptions & { maxOutputBytes: number },
): Promise<Buffer> {
  if (signal.aborted) return Promise.reject(signal.reason)
  const seconds = String(Math.ceil(limits.timeoutMs / 1000))
  const kibibytes = String(Math.floor(limits.maxMemoryBytes / 1024))
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', LAUNCH, 'sh', ffmpeg, seconds, kibibytes, ...words], {
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const chunks: Buffer[] = []
    let bytes = 0
    let complaint = ''
    const kill = () => child.kill('SIGKILL')
    signal.addEventListener('abort', kill, { once: true })
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxOutputBytes) chunks.push(chunk)
      else kill()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      if (complaint.length < MAX_COMPLAINT_CHARACTERS) complaint += chunk.toString('latin1')
    })
    child.on('error', (cause) => reject(videoUnavailable(cause)))
    child.on('close', (code, killedBy) => {
      signal.removeEventListener('abort', kill)
      if (signal.aborted) return reject(signal.reason)
      if (code === NOT_FOUND) return reject(videoUnavailable())
      if (code === 0 && bytes <= maxOutputBytes) return resolve(Buffer.concat(chunks))
      const cause = new Error(`ffmpeg ended with ${killedBy ?? code}: ${complaint.slice(0, MAX_COMPLAINT_CHARACTERS)}`)
      reject(invalidMedia('the video is broken, cut off, or too heavy to decode', { cause }))
    })
  })
}

function videoUnavailable(cause?: unknown): ApiError {
  const message =
    'This server cannot decode videos: it has no ffmpeg. Whoever runs it can install the package ffmpeg, or say with QUIVER_FFMPEG where it is.'
  return new ApiError('not_supported', message, { ...(cause !== undefined && { cause }) })
}
