import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { missing, modelPath } from '../test-models.test.support.js'
import { readTorchFile } from './torch-file.js'

const path = modelPath('tiny-bge-m3/sparse_linear.pt')

test.skipIf(missing('tiny-bge-m3'))('a table of tensors is read without running it', () => {
  const tensors = readTorchFile(readFileSync(path))
  expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
    ['weight', [1, 32]],
    ['bias', [1]],
  ])
})

/** A zip file of one stored entry. */
const zipOf = (name: string, content: Buffer) => {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt32LE(content.length, 18)
  header.writeUInt32LE(content.length, 22)
  header.writeUInt16LE(name.length, 26)
  const entry = Buffer.alloc(46)
  entry.writeUInt32LE(0x02014b50, 0)
  entry.writeUInt32LE(content.length, 20)
  entry.writeUInt32LE(content.length, 24)
  entry.writeUInt16LE(name.length, 28)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(30 + name.length + content.length, 16)
  return Buffer.concat([header, Buffer.from(name), content, entry, Buffer.from(name), end])
}
const pickled = (program: string) => zipOf('x/data.pkl', Buffer.from(program, 'latin1'))

test.each([
  ['calls posix.system', '\x80\x02cposix\nsystem\n(X\x02\x00\x00\x00lstR.'],
  ['has the instruction "\x93"', '\x80\x04\x93.'],
  ['is no table of tensors', '\x80\x02K\x01.'],
  ['is cut off', '\x80\x02X\xff\xff\x00\x00ab'],
  ['is broken', '\x80\x02u.'],
  ['has no storage', '\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000tQ.'],
])('a pickle that %s is refused', (message, program) => {
  expect(() => readTorchFile(pickled(program))).toThrow(message)
})

test('what is no zip file, or is compressed, is refused', () => {
  expect(() => readTorchFile(Buffer.from('nothing'))).toThrow('is no zip file')
  expect(() => readTorchFile(zipOf('y', Buffer.from('1')))).toThrow('holds no data.pkl')
})
