import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { VIDEO_LIMITS } from './limits.js'
import type { Picture } from './picture.js'
import { isVideoAvailable, type SampleFramesOptions, sampleFrames } from './sample-frames.js'

const { signal } = new AbortController()
const hasFfmpeg = await isVideoAvailable({ signal })
const folder = await mkdtemp(join(tmpdir(), 'quiver-sample-'))
const temporaryFolder = join(folder, 'temporary')
beforeAll(() => mkdir(temporaryFolder))
afterAll(() => rm(folder, { recursive: true }))

const sample = (bytes: Uint8Array, options: Partial<SampleFramesOptions> = {}) =>
  sampleFrames(bytes, { signal, temporaryFolder, ...options })

const refused = (message: RegExp) => ({
  name: 'ApiError',
  row: 'invalid_media',
  message: expect.stringMatching(message),
})

describe('without ffmpeg', () => {
  const mp4 = Buffer.from('\0\0\0\x18ftypisom\0\0\0\0isomiso2', 'latin1')

  test('the message says so, and what to do', async () => {
    await expect(sample(mp4, { ffmpeg: '/nowhere/ffmpeg' })).rejects.toMatchObject({
      row: 'not_supported',
      message: expect.stringMatching(/no ffmpeg.*install the package ffmpeg.*QUIVER_FFMPEG/),
    })
    expect(await isVideoAvailable({ ffmpeg: 'ffmpeg-that-is-not-there', signal })).toBe(false)
  })

  test.each([
    ['nothing', ''],
    ['text', 'a long text about nothing in particular'],
    ['a concat script', 'ffconcat version 1.0\nfile /etc/passwd\n'],
    ['a playlist of a local file', '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n'],
    ['a playlist of a URL', '#EXTM3U\n#EXTINF:9,\nhttp://169.254.169.254/latest/meta-data/\n'],
    [
      'a DASH manifest',
      '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>http://x</BaseURL></MPD>',
    ],
    ['an SDP file', 'v=0\nm=video 5004 RTP/AVP 96\nc=IN IP4 10.0.0.1\n'],
    ['ffmetadata', ';FFMETADATA1\ntitle=x\n'],
    ['a picture', '\xff\xd8\xff\xe0\0\x10JFIF\0'],
    ['an MP3', 'ID3\x04\0\0\0\0\0\0'],
    ['an Ogg', 'OggS\0\x02'],
    ['a WAV', 'RIFF\0\0\0\0WAVEfmt '],
  ])('%s is no video, whatever its name was', async (_name, content) => {
    const outcome = sample(Buffer.from(content, 'latin1'), { ffmpeg: '/nowhere/ffmpeg' })
    await expect(outcome).rejects.toMatchObject(refused(/empty|no video of a known format/))
  })

  test('a video over the limit of bytes is not looked at', async () => {
    const limits = { ...VIDEO_LIMITS, maxBytes: 10 }
    await expect(sample(mp4, { limits })).rejects.toMatchObject(refused(/24 bytes; at most 10/))
  })
})

describe.skipIf(process.platform === 'win32')('of the program that decodes', () => {
  const mp4 = Buffer.from('\0\0\0\x18ftypisom\0\0\0\0isomiso2', 'latin1')
  /** A program which does this instead. */
  const fake = async (script: string) => {
    const place = await mkdtemp(join(folder, 'fake-'))
    await writeFile(join(place, 'ffmpeg'), `#!/bin/sh\n${script}`)
    await chmod(join(place, 'ffmpeg'), 0o755)
    return { ffmpeg: join(place, 'ffmpeg'), place }
  }

  test('it gets no environment, and bounds on CPU time and memory', async () => {
    const { ffmpeg, place } = await fake(`cd $(dirname $0); env > env; ulimit -t > cpu; ulimit -v > memory; exit 1`)
    process.env.QUIVER_TEST_SECRET = 'secret'
    await expect(sample(mp4, { ffmpeg })).rejects.toMatchObject(refused(/broken/))
    delete process.env.QUIVER_TEST_SECRET
    const read = (name: string) => readFile(join(place, name), 'utf8')
    expect(await read('env')).not.toMatch(/secret|HOME|USER/)
    expect((await read('cpu')).trim()).toBe('30')
    if (process.platform === 'linux') expect((await read('memory')).trim()).toBe(String(1_536 * 1024))
  })

  test('what it says is kept for the log and not sent', async () => {
    const { ffmpeg } = await fake('echo secret words of a decoder >&2; exit 1')
    const error = await sample(mp4, { ffmpeg }).catch((thrown) => thrown)
    expect(error.message).not.toContain('secret')
    expect(error.cause.message).toContain('secret words of a decoder')
  })

  test.each([
    ['time is up', () => ({ limits: { ...VIDEO_LIMITS, timeoutMs: 400 } }), refused(/more than 400 ms/)],
    ['the caller has gone', () => ({ signal: AbortSignal.timeout(400) }), { name: 'TimeoutError' }],
  ])('it is killed when %s, even if it will not go', async (_when, options, error) => {
    const { ffmpeg, place } = await fake(`trap '' TERM INT; echo $$ > $(dirname $0)/pid; while :; do sleep 0.05; done`)
    await expect(sample(mp4, { ffmpeg, ...options() })).rejects.toMatchObject(error)
    const pid = Number(await readFile(join(place, 'pid'), 'utf8'))
    await expect.poll(() => isAlive(pid)).toBe(false)
    await expect.poll(() => readdir(temporaryFolder)).toEqual([])
  })

  test('it is killed when it writes without end', async () => {
    const { ffmpeg } = await fake('exec yes')
    await expect(sample(mp4, { ffmpeg })).rejects.toMatchObject(refused(/too heavy/))
  })
})

// Encoders and decoders are processes, and machines of tests are busy.
describe('with ffmpeg', { timeout: 60_000 }, () => {
  beforeEach((context) => context.skip(!hasFfmpeg, 'there is no ffmpeg (package ffmpeg)'))

  test.each([
    ['MP4', 'mp4', ['-c:v', 'mpeg4']],
    ['fragmented MP4', 'mp4', ['-c:v', 'mpeg4', '-movflags', 'frag_keyframe+empty_moov']],
    ['MOV', 'mov', ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p']],
    ['MPEG', 'mpeg', ['-c:v', 'mpeg1video']],
    ['MPG', 'vob', ['-c:v', 'mpeg2video']],
    ['raw MPEG', 'mpeg1video', ['-c:v', 'mpeg1video']],
    ['MPEG-TS', 'mpegts', ['-c:v', 'mpeg2video']],
    ['AVI', 'avi', ['-c:v', 'mpeg4']],
    ['FLV', 'flv', ['-c:v', 'flv1']],
    ['MKV', 'matroska', ['-c:v', 'mpeg4']],
    ['WebM as browsers record it, without a duration', 'matroska', ['-c:v', 'mpeg4', '-live', '1']],
  ])('%s: pictures at even distances, and the duration', async (_name, format, codec) => {
    const bytes = await brightening({ seconds: 4, format, codec })
    const { pictures, duration } = await sample(bytes, { frames: 4 })
    expect(duration).toBeCloseTo(4, 1)
    expect(pictures.map(({ width, height }) => [width, height])).toEqual(Array(4).fill([64, 48]))
    expectTimes(pictures, [0.5, 1.5, 2.5, 3.5], 4)
  })

  test('of a long video it seeks, and finds the same moments', async () => {
    const bytes = await brightening({ seconds: 120, rate: 5, codec: ['-c:v', 'mpeg4', '-g', '10'] })
    const { pictures, duration } = await sample(bytes, { frames: 3 })
    expect(duration).toBeCloseTo(120, 0)
    expectTimes(pictures, [20, 60, 100], 120)
  })

  test('one picture is from the middle; by pictures a second, there is at least one', async () => {
    const bytes = await brightening({ seconds: 4 })
    expectTimes((await sample(bytes, { frames: 1 })).pictures, [2], 4)
    expect((await sample(bytes, { fps: 0.01 })).pictures).toHaveLength(1)
    expect((await sample(bytes, { fps: 2 })).pictures).toHaveLength(8)
    expect((await sample(bytes, { fps: 2, frames: 3 })).pictures).toHaveLength(3)
    expect((await sample(bytes, { frames: 1_000, limits: { ...VIDEO_LIMITS, maxFrames: 5 } })).pictures).toHaveLength(5)
  })

  test('a video of one picture is that picture', async () => {
    const still = await encode(
      ['-f', 'lavfi', '-i', 'color=red:s=64x48', '-frames:v', '1', '-c:v', 'mjpeg'],
      'matroska',
    )
    const { pictures } = await sample(still, { frames: 8, fps: 1 })
    expect(pictures).toMatchObject([{ width: 64, height: 48 }])
  })

  test('sound beside the pictures changes nothing', async () => {
    const both = [
      '-f',
      'lavfi',
      '-i',
      'color=red:s=64x48:d=2',
      '-f',
      'lavfi',
      '-i',
      'sine=d=3',
      '-c:v',
      'mpeg4',
      '-c:a',
      'aac',
    ]
    const { pictures, duration } = await sample(await encode(both, 'mp4'), { frames: 2 })
    expect(pictures).toHaveLength(2)
    expect(duration).toBeCloseTo(2, 1)
  })

  test('a video of few pictures gives each once', async () => {
    const { pictures } = await sample(await brightening({ seconds: 1, rate: 3 }), { frames: 8 })
    expect(pictures).toHaveLength(3)
  })

  test('pictures are at most 768 pixels long, in proportion, and as a telephone was held', async () => {
    const wide = await encode(['-f', 'lavfi', '-i', 'color=red:s=1536x512:d=0.2', '-c:v', 'mpeg4'], 'mp4')
    expect((await sample(wide, { frames: 1 })).pictures).toMatchObject([{ width: 768, height: 256 }])
    await writeFile(join(folder, 'wide.mp4'), wide)
    const turned = await encode(['-i', join(folder, 'wide.mp4'), '-c', 'copy', '-metadata:s:v', 'rotate=90'], 'mov')
    const [{ width, height } = { width: 0, height: 0 }] = (await sample(turned, { frames: 1 })).pictures
    // Since 6.0 ffmpeg writes the rotation by another option, and then this file has none.
    expect([
      [256, 768],
      [768, 256],
    ]).toContainEqual([width, height])
  })

  test('a header that claims ten hours is not believed', async () => {
    const bytes = await brightening({ seconds: 4 })
    let claims = 0
    for (const [box, offset] of [
      ['mvhd', 20],
      ['tkhd', 24],
      ['mdhd', 20],
    ] as const) {
      const at = bytes.indexOf(box, 0, 'latin1')
      if (at === -1) continue
      bytes.writeUInt32BE(0x7fff_ffff, at + offset)
      claims++
    }
    expect(claims).toBe(3)
    const { pictures, duration } = await sample(bytes, { frames: 4 })
    expect(duration).toBeCloseTo(4, 1)
    expectTimes(pictures, [0.5, 1.5, 2.5, 3.5], 4)
  })

  test('a video of really ten hours is refused', async () => {
    const sparse = [
      '-f',
      'lavfi',
      '-i',
      'color=red:s=16x16:r=1:d=11',
      '-vf',
      'settb=1/10,setpts=N*36000',
      '-vsync',
      '0',
    ]
    const bytes = await encode([...sparse, '-c:v', 'mpeg4'], 'matroska')
    await expect(sample(bytes)).rejects.toMatchObject(refused(/36\d\d\d seconds; at most 7200 are allowed/))
  })

  test('a video over the limit of pixels is refused by its header', async () => {
    const bytes = await brightening({ seconds: 1 })
    const outcome = sample(bytes, { limits: { ...VIDEO_LIMITS, maxPixels: 64 * 48 - 1 } })
    await expect(outcome).rejects.toMatchObject(refused(/64 × 48 pixels; at most 3071 are allowed/))
  })

  test('a video without pictures, and one of sound alone, are refused', async () => {
    const silent = await encode(['-f', 'lavfi', '-i', 'color=red:s=16x16', '-t', '0', '-c:v', 'mpeg4'], 'mp4')
    await expect(sample(silent)).rejects.toMatchObject(refused(/no video|no pictures|broken/))
    const sound = await encode(['-f', 'lavfi', '-i', 'sine=d=1', '-c:a', 'aac'], 'mp4')
    await expect(sample(sound)).rejects.toMatchObject(refused(/no video in it/))
  })

  test('an MP4 that is cut off has lost its index and is refused; a stream shows what is there', async () => {
    const mp4 = await brightening({ seconds: 4 })
    await expect(sample(mp4.subarray(0, mp4.length / 2))).rejects.toMatchObject(refused(/broken|no video/))
    const mpeg = await brightening({ seconds: 4, format: 'mpegts', codec: ['-c:v', 'mpeg2video'] })
    const { duration, pictures } = await sample(mpeg.subarray(0, mpeg.length / 2), { frames: 2 })
    expect(duration).toBeGreaterThan(1)
    expect(duration).toBeLessThan(3)
    expect(pictures).toHaveLength(2)
  })

  test.each([
    ['MP4', '\0\0\0\x18ftypisom\0\0\0\0isomiso2'],
    ['MKV', '\x1a\x45\xdf\xa3'],
    ['AVI', 'RIFF\xff\0\0\0AVI LIST'],
    ['FLV', 'FLV\x01\x05\0\0\0\x09\0\0\0\0'],
    ['MPEG', '\0\0\x01\xba'],
    ['raw MPEG', '\0\0\x01\xb3'],
  ])('what begins as %s and goes on as a playlist reaches nothing', async (_name, magic) => {
    let requests = 0
    const server = createServer((_request, response) => response.end(String(requests++)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo // listening on a port, not on a pipe
    const playlist = `\n#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:${port}/a.ts\nfile:///etc/passwd\nffconcat version 1.0\n`
    const outcome = sample(Buffer.from(magic + playlist.repeat(20), 'latin1'))
    await expect(outcome).rejects.toMatchObject({ row: 'invalid_media' })
    await new Promise((resolve) => server.close(resolve))
    expect(requests).toBe(0)
  })

  test('ffmpeg may open neither playlists nor URLs, even if a demuxer were fooled', async () => {
    const list = join(folder, 'list.mp4')
    await writeFile(list, 'ffconcat version 1.0\nfile /etc/hostname\n')
    const guards = ['-v', 'error', '-protocol_whitelist', 'file', '-format_whitelist', 'mov']
    const open = (...words: string[]) => promisify(execFile)('ffmpeg', [...guards, ...words, '-f', 'null', '-'])
    await expect(open('-i', `file:${list}`)).rejects.toThrow()
    await expect(open('-f', 'mov', '-i', 'http://127.0.0.1:9/a.mp4')).rejects.toThrow()
  })

  test('a process that needs more memory than allowed fails alone', async () => {
    const bytes = await brightening({ seconds: 1 })
    const limits = { ...VIDEO_LIMITS, maxMemoryBytes: 2 ** 24 }
    if (process.platform !== 'linux') return
    await expect(sample(bytes, { limits })).rejects.toMatchObject({ name: 'ApiError' })
    expect((await sample(bytes, { frames: 1 })).pictures).toHaveLength(1)
  })

  test('mutated videos give pictures or a clear error, and nothing is left behind', async () => {
    const whole = await brightening({ seconds: 1 })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, i) => {
        const mutant = Buffer.from(whole)
        for (let j = 0; j < 20; j++) mutant[(i * 7919 + j * 104_729 + 12) % mutant.length] = (i * 31 + j * 17) & 255
        return sample(mutant, { frames: 2 })
      }),
    )
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ row: 'invalid_media' })
      else expect(outcome.value.pictures.length).toBeGreaterThan(0)
    }
    expect(await readdir(temporaryFolder)).toEqual([])
  })
})

/** A video that goes from black to light grey, so that brightness tells the time. */
function brightening({
  seconds,
  rate = 25,
  format = 'mp4',
  codec = ['-c:v', 'mpeg4'],
}: {
  seconds: number
  rate?: number
  format?: string
  codec?: readonly string[]
}): Promise<Buffer> {
  const source = `nullsrc=s=64x48:r=${rate}:d=${seconds},geq=lum='16+T*200/${seconds}':cb=128:cr=128`
  return encode(['-f', 'lavfi', '-i', source, ...codec, '-q:v', '2'], format)
}

function expectTimes(pictures: readonly Picture[], times: readonly number[], seconds: number): void {
  expect(pictures).toHaveLength(times.length)
  for (const [i, time] of times.entries()) {
    const brightness = (((time * 200) / seconds) * 255) / 219 // of 16…235 made 0…255
    expect(Math.abs((pictures[i]?.rgb[0] ?? -1) - brightness)).toBeLessThan(12)
  }
}

async function encode(words: readonly string[], format: string): Promise<Buffer> {
  const place = await mkdtemp(join(folder, 'encoded-'))
  const file = join(place, 'video')
  await promisify(execFile)('ffmpeg', ['-nostdin', '-v', 'error', ...words, '-f', format, file])
  return await readFile(file)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
