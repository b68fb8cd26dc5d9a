import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { exportModel, importModel } from './archive.js'
import { getModel, listModels } from './model-store.js'
import { MANIFEST, type PulledModel } from './pulled-model.js'
import { readTar, tarEnd, tarHeader, tarPadding } from './tar.js'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-archive-'))
  folders.push(folder)
  return folder
}

const FILES: Record<string, string> = { 'config.json': '{}', 'onnx/model.onnx': 'weights '.repeat(5_000), empty: '' }
const { signal } = new AbortController()
const AT = new Date('2026-11-22T00:00:00Z')

function manifestOf(files: Record<string, string>, name = 'model'): PulledModel {
  const entries = Object.entries(files).map(([path, content]) => {
    const sha256 = createHash('sha256').update(content).digest('hex')
    return [path, { bytes: Buffer.byteLength(content), sha256 }] as const
  })
  return {
    name,
    source: 'hf:org/model@c0ffee',
    engine: 'onnx',
    variant: 'fp32',
    files: Object.fromEntries(entries),
    weights: 'onnx/model.onnx',
    dimension: 384,
    maxTokens: 256,
    pulledAt: AT.toISOString(),
  }
}

function homeWith(files: Record<string, string>): string {
  const home = temporary()
  const all = { ...files, [MANIFEST]: JSON.stringify(manifestOf(files)) }
  for (const [path, content] of Object.entries(all)) {
    const target = join(home, 'models', 'model', path)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, content)
  }
  return home
}

const importing = (archive: string, home: string, name?: string) =>
  importModel(archive, { home, signal, onPlan() {}, onBytes() {}, ...(name === undefined ? {} : { name }) })

/** An archive of these entries, in their order. */
function archiveOf(entries: readonly (readonly [path: string, content: string])[]): string {
  const path = join(temporary(), 'model.tar')
  const blocks = entries.flatMap(([name, content]) => {
    const bytes = Buffer.byteLength(content)
    return [tarHeader(name, bytes, AT), Buffer.from(content), tarPadding(bytes)]
  })
  writeFileSync(path, Buffer.concat([...blocks, tarEnd()]))
  return path
}

const soundEntries = () => [
  [`model/${MANIFEST}`, JSON.stringify(manifestOf(FILES))] as const,
  ...Object.entries(FILES).map(([path, content]) => [`model/${path}`, content] as const),
]

test('what goes out comes in, byte for byte, under its name or another', async () => {
  const [home, archive] = [homeWith(FILES), join(temporary(), 'model.tar')]
  await exportModel(getModel(home, 'model'), archive, signal)
  const other = temporary()
  await importing(archive, other)
  await importing(archive, other, 'twin')
  for (const name of ['model', 'twin']) {
    const { model, folder } = getModel(other, name)
    expect(model.files).toEqual(manifestOf(FILES).files)
    for (const [path, content] of Object.entries(FILES)) expect(readFileSync(join(folder, path), 'utf8')).toBe(content)
  }
  await expect(importing(archive, other)).rejects.toThrow(/model is there already/)
})

test('a damaged model is not exported, and nothing is left of the try', async () => {
  const home = homeWith(FILES)
  writeFileSync(join(home, 'models', 'model', 'config.json'), '{ }')
  const folder = temporary()
  await expect(exportModel(getModel(home, 'model'), join(folder, 'm.tar'), signal)).rejects.toThrow(
    /model is damaged: config.json/,
  )
  expect(readdirSync(folder)).toEqual([])
})

test.each([
  ['a path that leads out', [['model/../../evil', 'x']], /leads out of the model's folder/],
  ['an absolute path', [['/etc/passwd', 'x']], /leads out of the model's folder/],
  ['a path of Windows', [['model/..\\evil', 'x']], /leads out of the model's folder/],
  ['a second manifest', [[`model/${MANIFEST}`, '{}']], /leads out of the model's folder/],
  [
    'a file that is not in the manifest',
    [['model/extra.json', 'x']],
    /extra.json with 1 bytes, which its .* does not name/,
  ],
  ['the same file twice', [['model/config.json', '{}']], /config.json with 2 bytes, which its .* does not name/],
] as const)('%s is refused', async (_, more, message) => {
  const home = temporary()
  await expect(importing(archiveOf([...soundEntries(), ...more]), home)).rejects.toThrow(message)
  expect(listModels(home).models).toEqual([])
  expect(existsSync(join(home, '..', 'evil'))).toBe(false)
})

test('altered bytes, other lengths and missing files are refused', async () => {
  const altered = soundEntries().map(
    ([path, content]) => [path, content.replace('weights weights', 'Weights weights')] as const,
  )
  const [manifest = ['', ''] as const, ...files] = soundEntries()
  const home = temporary()
  await expect(importing(archiveOf(altered), home)).rejects.toThrow(
    /onnx\/model.onnx is not what its quiver-model.json says/,
  )
  await expect(importing(archiveOf([manifest, ...files.slice(1)]), home)).rejects.toThrow(/lacks config.json/)
  await expect(importing(archiveOf([manifest, ['model/empty', 'x']]), home)).rejects.toThrow(/empty with 1 bytes/)
  await expect(importing(archiveOf(files), home)).rejects.toThrow(/does not begin with a quiver-model.json/)
  expect(listModels(home).models).toEqual([])
  await importing(archiveOf(soundEntries()), home)
  expect(listModels(home).models).toHaveLength(1)
})

test('a link, an archive that breaks off, and what is no archive are refused', async () => {
  const link = tarHeader('model/config.json', 0, AT)
  link.write('2', 156)
  link.write(
    `${[...link]
      .reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  )
  const [manifest = ['', ''] as const] = soundEntries()
  const path = archiveOf([manifest])
  const sound = readFileSync(path)
  writeFileSync(path, Buffer.concat([sound.subarray(0, -1024), link, tarEnd()]))
  await expect(importing(path, temporary())).rejects.toThrow(/"model\/config.json", which is no plain file \(kind 2\)/)
  writeFileSync(path, readFileSync(archiveOf(soundEntries())).subarray(0, 5_000))
  await expect(importing(path, temporary())).rejects.toThrow(`${path} breaks off.`)
  writeFileSync(path, 'PK\x03\x04'.repeat(500))
  await expect(importing(path, temporary())).rejects.toThrow(/is no tar file/)
  await expect(importing(join(path, 'nowhere'), temporary())).rejects.toThrow(/cannot be read/)
})

test('a manifest with a name that leads out is refused', async () => {
  const archive = archiveOf([[`model/${MANIFEST}`, JSON.stringify(manifestOf(FILES, '../x'))]])
  await expect(importing(archive, temporary())).rejects.toThrow(/quiver-model.json is not right: name/)
})

test('files above 8 GiB keep their length, long paths their parts', async () => {
  const path = join(temporary(), 'big.tar')
  const long = `${'a'.repeat(90)}/${'b'.repeat(90)}`
  writeFileSync(path, Buffer.concat([tarHeader('m/big', 2 ** 33 + 5, AT)]))
  const handle = await open(path)
  const { value } = await readTar(handle, signal).next()
  expect(value).toMatchObject({ path: 'm/big', bytes: 2 ** 33 + 5 })
  await handle.close()
  writeFileSync(path, Buffer.concat([tarHeader(long, 0, AT), tarEnd()]))
  const second = await open(path)
  expect((await readTar(second, signal).next()).value).toMatchObject({ path: long, bytes: 0 })
  await second.close()
  expect(() => tarHeader(`${'a'.repeat(101)}`, 0, AT)).toThrow(/too long a path/)
})
