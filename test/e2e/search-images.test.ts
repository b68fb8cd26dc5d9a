import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const QUIVER = fileURLToPath(new URL('../../packages/server/bin/quiver.js', import.meta.url))
/** 32 × 32 red pixels. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAMAAABEpIrGAAAAA1BMVEX/AAAZ4gk3AAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEklEQVQ4y2NgGAWjYBSMAuwAAAQgAAFWu83mAAAAAElFTkSuQmCC',
  'base64',
)

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'quiver-search-images-'))
  mkdirSync(join(root, 'pictures', 'deep'), { recursive: true })
  writeFileSync(join(root, 'pictures', 'red.png'), PNG)
  writeFileSync(join(root, 'pictures', 'deep', 'again.png'), PNG)
  writeFileSync(join(root, 'pictures', 'broken.jpg'), 'no picture')
})
afterEach(() => rmSync(root, { recursive: true }))

function searchImages(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [QUIVER, 'search-images', ...words], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, QUIVER_HOME: join(root, 'home'), QUIVER_THREADS: '1' },
  })
  return { status, stdout, stderr }
}

test('words find pictures, as lines and as a page; what is no picture is named', () => {
  const { status, stdout, stderr } = searchImages('pictures', '一张红色的图片', '--output', 'page.html')
  expect({ status, stderr }).toMatchObject({ status: 0 })
  expect(stdout).toMatch(/^0\.\d{3} {2}(red\.png|deep\/again\.png)\n0\.\d{3} {2}(red\.png|deep\/again\.png)\n$/)
  expect(stderr).toContain('broken.jpg: The media format is not supported')
  const page = readFileSync(join(root, 'page.html'), 'utf8')
  expect(page).toContain('<title>一张红色的图片</title>')
  expect(page).toContain('src="pictures/deep/again.png"')
}, 60_000)

test('pictures that are there twice are a group', () => {
  const { status, stdout } = searchImages('pictures', '--duplicates')
  expect(status).toBe(0)
  expect(stdout.trim().split('\n').sort()).toEqual(['deep/again.png', 'red.png'])
}, 60_000)

test('a mistake is told in one line', () => {
  expect(searchImages('pictures')).toMatchObject({
    status: 2,
    stderr: 'quiver: give words to look for, or --duplicates.\n',
  })
  expect(searchImages('nowhere', 'x')).toMatchObject({ status: 1, stderr: expect.stringContaining('is no folder') })
}, 60_000)
