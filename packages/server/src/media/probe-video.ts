import { ApiError } from '@quiver/protocol'
import { checkPixels } from './check-pixels.js'
import { invalidMedia } from './invalid-media.js'
import { type FfmpegOptions, runFfmpeg } from './run-ffmpeg.js'

/** What the packets of the first video stream say, which a header cannot lie about. */
export interface VideoTimeline {
  /** Of the first picture, in the file's own time; seconds. */
  startsAt: number
  /** From the first picture to the end of the last; seconds. */
  duration: number
  /** One for each picture, ascending, at least one; seconds from `startsAt`. */
  pictures: readonly { time: number; isKey: boolean }[]
}

/** A line for a packet is about 60 bytes; two hours at 120 pictures a second are 52 MB. */
const MAX_PROBE_BYTES = 64 * 2 ** 20
/** How ffmpeg writes a time that the file does not have. */
const NO_TIME = '-9223372036854775808'

/**
 * Read a video's packets without decoding them.
 *
 * @param input options that open the file, ending with `-i` and its name.
 * @throws {ApiError} `invalid_media` without a video stream or pictures, and over the limits of pixels or seconds.
 */
export async function probeVideo(input: readonly string[], options: FfmpegOptions): Promise<VideoTimeline> {
  const lines = (await listPackets(input, options)).split('\n')
  const [width, height] = (headerOf(lines, 'dimensions') ?? '').split('x').map(Number)
  checkPixels({ width: width ?? 0, height: height ?? 0 }, options.limits)
  const [numerator, denominator] = (headerOf(lines, 'tb') ?? '').split('/').map(Number)
  const timeline = timelineOf(lines, (numerator ?? 0) / (denominator ?? 0))
  const { maxDurationSeconds } = options.limits
  if (timeline.duration <= maxDurationSeconds) return timeline
  const seconds = Math.ceil(timeline.duration)
  throw invalidMedia(`the video has ${seconds} seconds; at most ${maxDurationSeconds} are allowed`)
}

/** `V` are videos but not covers of albums. The muxer writes a line for each packet: stream, dts, pts, duration, … */
async function listPackets(input: readonly string[], options: FfmpegOptions): Promise<string> {
  const output = ['-map', '0:V:0', '-c', 'copy', '-f', 'framecrc', 'pipe:1']
  try {
    const words = ['-nostdin', '-v', 'error', '-copyts', ...input, ...output]
    return (await runFfmpeg(words, { ...options, maxOutputBytes: MAX_PROBE_BYTES })).toString('latin1')
  } catch (error) {
    const cause = error instanceof ApiError ? error.cause : undefined
    if (cause instanceof Error && cause.message.includes('matches no streams')) {
      throw invalidMedia('the file has no video in it', { cause })
    }
    throw error
  }
}

/** `#dimensions 0: 1280x720` */
function headerOf(lines: readonly string[], name: string): string | undefined {
  const prefix = `#${name} 0: `
  return lines.find((line) => line.startsWith(prefix))?.slice(prefix.length)
}

function timelineOf(lines: readonly string[], tick: number): VideoTimeline {
  const packets = lines.filter((line) => /^0,/.test(line)).map((line) => readPacket(line, tick))
  packets.sort((a, b) => a.at - b.at) // they come in the order of decoding
  const [first] = packets
  if (first === undefined) throw invalidMedia('the video has no pictures in it')
  const end = packets.reduce((latest, packet) => Math.max(latest, packet.end), first.end)
  if (!Number.isFinite(end - first.at)) throw invalidMedia('the video does not tell when its pictures are shown')
  return {
    startsAt: first.at,
    duration: end - first.at,
    pictures: packets.map(({ at, isKey }) => ({ time: at - first.at, isKey })),
  }
}

/** `0, 512, 2048, 512, 413, 0x21e8cc90, F=0x0`: the flags are there unless the packet is a key picture and nothing else. */
function readPacket(line: string, tick: number): { at: number; end: number; isKey: boolean } {
  const [, dts, pts, duration, , , flags] = line.split(',').map((field) => field.trim())
  const at = Number(pts === NO_TIME ? dts : pts) * tick // raw MPEG has times of decoding only
  const isKey = !flags?.startsWith('F=') || (Number(flags.slice(2)) & 1) === 1
  return { at, end: at + Number(duration) * tick, isKey }
}
