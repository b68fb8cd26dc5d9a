import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runBounded } from './bounded.js'
import { invalidMedia } from './invalid-media.js'
import { VIDEO_LIMITS, type VideoLimits } from './limits.js'
import type { Picture, SampledVideo } from './picture.js'
import { probeVideo, type VideoTimeline } from './probe-video.js'
import { type FfmpegOptions, runFfmpeg } from './run-ffmpeg.js'
import { Slots } from './slots.js'
import { videoDemuxerOf } from './video-format.js'

export interface SampleFramesOptions {
  /** How many pictures, at most. Default: the limit's. */
  frames?: number
  /** Pictures for each second of the video, at most. At least one picture is always taken. */
  fps?: number
  limits?: VideoLimits
  /** The program, by name (looked for in PATH) or path. */
  ffmpeg?: string
  /** Where the video lies while it is decoded, in a private folder. Default: the system's. */
  temporaryFolder?: string
  /** Who waits for whom; all of the process unless a test says otherwise. */
  slots?: Slots
  signal: AbortSignal
}

const SAMPLING = new Slots(2, { maxWaiting: 64 })

/**
 * Longest side of the pictures, in pixels. Models look at 224 to 512 of them, and 64 pictures of a 4K video would be
 * 1.6 GB; made so small here they are at most 113 MB, and still larger than what any model is going to see.
 */
const MAX_SIDE = 768
const MAX_HEADER_BYTES = 32

/** What a second program costs, in pictures of a small video decoded: whether to seek is decided by it. */
const START_COST_PICTURES = 60

/** Times are written with six digits, and containers round to milliseconds; pictures are never so close. Seconds. */
const TIME_TOLERANCE = 0.002

/** Codecs of the containers that are taken; every other decoder of ffmpeg, of which there are hundreds, stays closed. */
const CODECS = [
  ...['h264', 'hevc', 'av1', 'libdav1d', 'libaom-av1', 'vp8', 'vp9', 'libvpx', 'libvpx-vp9', 'vp6', 'vp6a', 'vp6f'],
  ...['mpeg1video', 'mpeg2video', 'mpegvideo', 'mpeg4', 'msmpeg4', 'msmpeg4v1', 'msmpeg4v2', 'h263', 'h263i', 'h263p'],
  ...['flv', 'flashsv', 'flashsv2', 'mjpeg', 'theora', 'wmv1', 'wmv2', 'svq1', 'svq3', 'cinepak', 'prores', 'dvvideo'],
  ...['rawvideo', 'huffyuv', 'ffvhuff', 'ffv1', 'qtrle', 'rpza', 'dnxhd', 'png'],
].join(',')

/**
 * Pictures out of a video, at even distances: of n, the i-th (from 0) is the one shown at (i + ½)/n of the duration. Fewer
 * where the video shows one picture at several of these moments. Duration and distances follow the packets in the file, whatever its header says.
 *
 * The decoder is ffmpeg in a process of its own: no network, no other file, no environment, one thread, bounded in CPU
 * time, address space and output, and killed when time is up.
 *
 * @throws {ApiError} `invalid_media` for what is no video, broken or over a limit; `not_supported` where there is no ffmpeg;
 *   `overloaded` when too many wait.
 * @throws the signal's reason.
 */
export async function sampleFrames(bytes: Uint8Array, options: SampleFramesOptions): Promise<SampledVideo> {
  const { limits = VIDEO_LIMITS, slots = SAMPLING, signal } = options
  if (bytes.length === 0) throw invalidMedia('the video is empty')
  if (bytes.length > limits.maxBytes) {
    throw invalidMedia(`the video has ${bytes.length} bytes; at most ${limits.maxBytes} are allowed`)
  }
  const demuxer = videoDemuxerOf(bytes)
  if (demuxer === undefined)
    throw invalidMedia('it is no video of a known format (MP4, MOV, MPEG, WebM, MKV, AVI, FLV)')
  const work = (either: AbortSignal) => sample(bytes, { ...options, limits, demuxer, signal: either })
  return await runBounded(work, { slots, timeoutMs: limits.timeoutMs, doing: 'decoding the video', signal })
}

async function sample(
  bytes: Uint8Array,
  options: SampleFramesOptions & { limits: VideoLimits; demuxer: string },
): Promise<SampledVideo> {
  const { frames, fps, limits, demuxer, ffmpeg = 'ffmpeg', signal } = options
  const folder = await mkdtemp(join(options.temporaryFolder ?? tmpdir(), 'quiver-video-')) // mode 0700
  try {
    const file = join(folder, 'video')
    await writeFile(file, bytes, { mode: 0o600, signal })
    const input = inputOptions(file, demuxer)
    const timeline = await probeVideo(input, { ffmpeg, limits, signal })
    const source = { ffmpeg, limits, signal, input: ['-max_pixels', String(limits.maxPixels), ...input] }
    const byRate = fps === undefined ? limits.maxFrames : Math.round(fps * timeline.duration)
    const wanted = Math.min(frames ?? limits.maxFrames, limits.maxFrames, byRate)
    const pictures = await picturesOf(timeline, Math.max(1, wanted), source)
    if (pictures.length === 0) throw invalidMedia('no picture of the video can be decoded')
    return { pictures, duration: timeline.duration }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Everything that opens a stranger's file: one protocol, one container, the codecs above, one thread. */
function inputOptions(file: string, demuxer: string): string[] {
  return [
    ...['-protocol_whitelist', 'file', '-format_whitelist', demuxer, '-codec_whitelist', CODECS, '-f', demuxer],
    ...['-threads', '1', '-i', `file:${file}`],
  ]
}

interface Source extends FfmpegOptions {
  input: readonly string[]
}

async function picturesOf(timeline: VideoTimeline, count: number, source: Source): Promise<Picture[]> {
  const chosen = choose(timeline, count)
  const times = chosen.map((index) => timeline.startsAt + (timeline.pictures[index]?.time ?? 0) - TIME_TOLERANCE)
  if (!isSeekingCheaper(timeline, chosen)) return await decodeStraight(times, source)
  const pictures: Picture[] = []
  for (const time of times) pictures.push(...(await decodeAt(time, source)))
  return pictures
}

/** Which pictures are shown in the middles of `count` equal parts of the duration; ascending, each once. */
function choose({ pictures, duration }: VideoTimeline, count: number): number[] {
  const chosen = new Set<number>()
  let shown = 0
  for (let i = 0; i < count; i++) {
    const moment = ((i + 0.5) * duration) / count
    while ((pictures[shown + 1]?.time ?? Number.POSITIVE_INFINITY) <= moment) shown++
    chosen.add(shown)
  }
  return [...chosen]
}

/** Compares pictures to decode: from the beginning to the last one chosen, or from the key picture before each. */
function isSeekingCheaper({ pictures }: VideoTimeline, chosen: readonly number[]): boolean {
  const sinceKey = (index: number) => {
    let key = index
    while (key > 0 && pictures[key]?.isKey !== true) key--
    return index - key
  }
  const seeking = chosen.reduce((sum, index) => sum + sinceKey(index) + START_COST_PICTURES, 0)
  return seeking < (chosen.at(-1) ?? 0) + START_COST_PICTURES
}

/** All of them in one go from the beginning: a picture is taken when more of the times have come than before it. */
function decodeStraight(times: readonly number[], source: Source): Promise<Picture[]> {
  const come = times.map((time) => `gte(t,${time.toFixed(6)})`).join('+')
  // Variables of the expression: 0 holds how many times had come, 1 how many have. What «st» stores it also returns.
  return decode([`select='if(gt(st(1,${come}),ld(0)),st(0,ld(1)),0)'`], [], { ...source, count: times.length })
}

/** One picture; `time` is the file's own. */
function decodeAt(time: number, source: Source): Promise<Picture[]> {
  return decode([], ['-seek_timestamp', '1', '-ss', time.toFixed(6)], { ...source, count: 1 })
}

async function decode(
  filters: readonly string[],
  seek: readonly string[],
  { input, count, ...options }: Source & { count: number },
): Promise<Picture[]> {
  const side = (axis: 'iw' | 'ih') => `'min(${axis},${MAX_SIDE})'`
  const scale = `scale=${side('iw')}:${side('ih')}:force_original_aspect_ratio=decrease:flags=bicubic`
  // The rate is given to the pictures that were chosen, so that ffmpeg neither doubles nor drops any to keep its own.
  const chain = [...filters, scale, 'setpts=N/25/TB'].join(',')
  const output = ['-map', '0:V:0', '-vf', chain, '-r', '25', '-frames:v', String(count), '-pix_fmt', 'rgb24']
  const words = [
    '-nostdin',
    '-v',
    'error',
    '-copyts',
    ...seek,
    ...input,
    ...output,
    '-f',
    'image2pipe',
    '-c:v',
    'ppm',
    'pipe:1',
  ]
  const maxOutputBytes = count * (MAX_SIDE * MAX_SIDE * 3 + MAX_HEADER_BYTES)
  return readPictures(await runFfmpeg(words, { ...options, maxOutputBytes }))
}

/** PPM: «P6», width, height, 255, each ended by one white space; then the bytes. Its header tells each picture's size. */
function readPictures(output: Buffer): Picture[] {
  const pictures: Picture[] = []
  for (let at = 0; at < output.length; ) {
    const header = /^P6\s(\d+)\s(\d+)\s255\s/.exec(output.toString('latin1', at, at + MAX_HEADER_BYTES))
    const [width, height] = [Number(header?.[1]), Number(header?.[2])]
    const from = at + (header?.[0].length ?? 0)
    at = from + width * height * 3
    if (header === null || at > output.length)
      throw invalidMedia('the video is broken, cut off, or too heavy to decode')
    pictures.push({ width, height, rgb: Uint8Array.prototype.slice.call(output, from, at) })
  }
  return pictures
}

/** Whether videos can be decoded here: whether the program is there and runs. */
export async function isVideoAvailable({
  ffmpeg = 'ffmpeg',
  signal,
}: {
  ffmpeg?: string
  signal: AbortSignal
}): Promise<boolean> {
  try {
    await runFfmpeg(['-version'], { ffmpeg, limits: VIDEO_LIMITS, maxOutputBytes: 2 ** 20, signal })
    return true
  } catch {
    signal.throwIfAborted()
    return false
  }
}
