import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { decodeImage } from '@quiver/server/dist/media/decode-image.js'
import { type Resample, resize } from '@quiver/server/dist/media/resize.js'
import { sampleFrames } from '@quiver/server/dist/media/sample-frames.js'
import { publish, type Section, toShort } from '../report.js'
import { endedChildrenCpuSeconds, watchChildrenMemory } from './child-cost.js'
import { median } from './percentile.js'

/** Widths and heights of telephones, screens and thumbnails. */
const SIZES = [
  [4000, 3000],
  [1920, 1080],
  [640, 480],
] as const
const SIDE = 224
const FRAMES = 8
const VIDEO_BYTES = 10_000_000

/** Pictures decoded and made small, videos sampled: time of one core, and the most memory. */
export async function media(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...words], options: { rounds: { type: 'string', default: '9' } } })
  const rounds = Number(values.rounds)
  const folder = await mkdtemp(join(tmpdir(), 'quiver-bench-media-'))
  try {
    const photos = await Promise.all(SIZES.map(([width, height]) => makePhoto(folder, width, height)))
    const pictures = await picturesSection(photos, rounds)
    publish('Pictures and videos', {
      command: ['npm run bench -- media', ...words].join(' '),
      ...(words.length === 0 ? { file: 'media.md' } : {}),
      sections: [pictures, await videosSection(folder, Math.min(3, rounds))],
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

interface Photo {
  name: string
  bytes: Buffer
}

async function picturesSection(photos: readonly Photo[], rounds: number): Promise<Section> {
  const rows: string[][] = []
  for (const { name, bytes } of photos) {
    for (const resample of ['bilinear', 'bicubic'] as const) {
      rows.push([name, resample, 'whole', ...(await measurePicture(bytes, { rounds, resample }))])
    }
    const shrunk = await measurePicture(bytes, { rounds, resample: 'bicubic', atLeast: 2 * SIDE })
    rows.push([name, 'bicubic', `at least ${2 * SIDE} px`, ...shrunk])
  }
  return {
    title: `JPEG to ${SIDE} × ${SIDE}, one picture at a time`,
    notes: [
      `CPU time of the process, all its threads: median of ${rounds} rounds, after one that is not counted. Resampling is Pillow's, byte for byte. Decoded to «at least ${2 * SIDE} px», JPEG's own scaling does most of it, and the bytes are not Pillow's.`,
      `Largest resident memory of this process up to the end of these rounds: ${megabytes(process.resourceUsage().maxRSS * 1024)} MB.`,
    ],
    header: ['picture', 'resampled', 'decoded', 'decode, ms', 'resize, ms', 'pictures a second and core'],
    rows,
  }
}

async function measurePicture(
  bytes: Buffer,
  { rounds, resample, atLeast }: { rounds: number; resample: Resample; atLeast?: number },
): Promise<string[]> {
  const { signal } = new AbortController()
  const decodeMs: number[] = []
  const resizeMs: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const started = process.cpuUsage()
    const picture = await decodeImage(bytes, { signal, ...(atLeast !== undefined && { atLeast }) })
    const decoded = process.cpuUsage(started)
    resize(picture, { width: SIDE, height: SIDE, resample })
    const both = process.cpuUsage(started)
    if (round === 0) continue
    decodeMs.push((decoded.user + decoded.system) / 1000)
    resizeMs.push((both.user + both.system - decoded.user - decoded.system) / 1000)
  }
  const [decode, resized] = [median(decodeMs), median(resizeMs)]
  return [toShort(decode), toShort(resized), toShort(1000 / (decode + resized))]
}

async function videosSection(folder: string, rounds: number): Promise<Section> {
  const rows: string[][] = []
  for (const [name, size, seconds] of [
    ['720p', '1280x720', 12],
    ['480p', '854x480', 60],
    ['240p', '426x240', 600],
  ] as const) {
    const bytes = await makeVideo(folder, { size, seconds })
    rows.push([`${name}, ${seconds} s, ${megabytes(bytes.length)} MB`, ...(await measureVideo(bytes, rounds))])
  }
  return {
    title: `H.264 to ${FRAMES} pictures`,
    notes: [
      `Median of ${rounds} rounds. CPU time and memory are those of the ffmpeg processes; noise was added to the pictures until the file was as large as allowed.`,
    ],
    header: ['video', 'until the pictures are there, s', 'CPU, s', 'largest ffmpeg process, MB'],
    rows,
  }
}

async function measureVideo(bytes: Buffer, rounds: number): Promise<string[]> {
  const { signal } = new AbortController()
  const wallS: number[] = []
  const cpuS: number[] = []
  const children = watchChildrenMemory()
  for (let round = 0; round < rounds; round++) {
    const [startedAt, cpuBefore] = [performance.now(), endedChildrenCpuSeconds()]
    const { pictures } = await sampleFrames(bytes, { frames: FRAMES, signal })
    if (pictures.length !== FRAMES) throw new Error(`${pictures.length} pictures instead of ${FRAMES}`)
    wallS.push((performance.now() - startedAt) / 1000)
    cpuS.push(endedChildrenCpuSeconds() - cpuBefore)
  }
  return [toShort(median(wallS)), toShort(median(cpuS)), megabytes(children.stop())]
}

/** A fractal with some noise: as many edges as a photo, and as hard to compress. */
async function makePhoto(folder: string, width: number, height: number): Promise<Photo> {
  const path = join(folder, `${width}.jpg`)
  const source = `mandelbrot=s=${width}x${height}:start_scale=0.4,noise=alls=8`
  await ffmpeg(['-f', 'lavfi', '-i', source, '-frames:v', '1', '-q:v', '4', path])
  const { size } = await stat(path)
  return { name: `${width} × ${height}, ${megabytes(size)} MB`, bytes: await readFile(path) }
}

async function makeVideo(folder: string, { size, seconds }: { size: string; seconds: number }): Promise<Buffer> {
  const path = join(folder, `${size}.mp4`)
  const source = `testsrc2=s=${size}:r=25:d=${seconds},noise=alls=20:allf=t`
  const rate = String(Math.floor((VIDEO_BYTES * 8) / seconds))
  const codec = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-b:v', rate, '-maxrate', rate]
  await ffmpeg(['-f', 'lavfi', '-i', source, ...codec, '-bufsize', rate, path])
  return await readFile(path)
}

async function ffmpeg(words: readonly string[]): Promise<void> {
  await promisify(execFile)('ffmpeg', ['-nostdin', '-v', 'error', ...words])
}

function megabytes(bytes: number): string {
  return toShort(bytes / 1e6)
}
