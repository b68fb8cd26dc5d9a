import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { invalidMedia } from '../media/invalid-media.js'
import { findImages } from './image-folder.js'
import { lookAtImages } from './image-vectors.js'

const { signal } = new AbortController()
let root: string
let pictures: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'quiver-image-vectors-'))
  pictures = join(root, 'pictures')
  await mkdir(join(pictures, 'deep'), { recursive: true })
  await writeFile(join(pictures, 'a.jpg'), 'aaa')
  await writeFile(join(pictures, 'deep', 'b.PNG'), 'b')
  await writeFile(join(pictures, 'c.txt'), 'no picture')
  await writeFile(join(pictures, '.hidden.jpg'), 'hidden')
})
afterEach(() => rm(root, { recursive: true }))

/** A vector that follows from the first byte; what was computed is counted. */
function lookOver(options: { space?: string; stop?: AbortSignal } = {}) {
  const computed: string[] = []
  const work = async () => {
    const files = await findImages(pictures, signal)
    const look = await lookAtImages(files, {
      home: root,
      space: options.space ?? 'one',
      dimension: 2,
      embed: async (bytes) => {
        const text = Buffer.from(bytes).toString()
        computed.push(text)
        if (text === 'broken') throw invalidMedia('it is broken')
        return Float32Array.of(bytes[0] ?? 0, 1)
      },
      onSeen: () => {},
      signal: options.stop ?? signal,
    })
    return { ...look, computed }
  }
  return work()
}

test('pictures of a folder and those in it, no others; each is computed once, and then never again', async () => {
  const first = await lookOver()
  expect(first.seen.map(({ file }) => file.path)).toEqual([join(pictures, 'a.jpg'), join(pictures, 'deep', 'b.PNG')])
  expect(first.computed.sort()).toEqual(['aaa', 'b'])
  const second = await lookOver()
  expect(second.computed).toEqual([])
  expect(second.seen.map(({ vector }) => vector)).toEqual(first.seen.map(({ vector }) => vector))
})

test('the same bytes under another name or time are the same picture; other bytes and another space are not', async () => {
  await lookOver()
  await writeFile(join(pictures, 'copy.jpg'), 'aaa')
  await utimes(join(pictures, 'a.jpg'), 1, 1)
  expect((await lookOver()).computed).toEqual([])
  await writeFile(join(pictures, 'a.jpg'), 'other')
  expect((await lookOver()).computed).toEqual(['other'])
  expect((await lookOver({ space: 'two' })).computed).toHaveLength(3)
})

test('a file that is no picture is named and harms no other', async () => {
  await writeFile(join(pictures, 'x.gif'), 'broken')
  const { seen, unreadable } = await lookOver()
  expect(seen).toHaveLength(2)
  expect(unreadable).toEqual([{ path: join(pictures, 'x.gif'), reason: expect.stringContaining('it is broken') }])
})

test('what a crash left of the last line is computed again, and nothing else', async () => {
  await lookOver()
  const folder = join(root, 'image-vectors')
  expect((await readdir(folder)).sort()).toEqual(['hashes', 'one'])
  const lines = (await readFile(join(folder, 'one'), 'utf8')).trim().split('\n')
  await writeFile(join(folder, 'one'), `${lines[0]}\n${lines[1]?.slice(0, -5)}`)
  const { computed } = await lookOver()
  expect(computed).toHaveLength(1)
  await appendFile(join(folder, 'hashes'), 'half a li')
  expect((await lookOver()).computed).toEqual([])
})

test('it can be stopped; what was computed is kept', async () => {
  await expect(lookOver({ stop: AbortSignal.abort(new Error('stopped')) })).rejects.toThrow('stopped')
})
