import { expect, test } from 'vitest'
import { parseQuoted } from './read-records.js'

test('reads tabs, quotes and line ends inside quoted fields', () => {
  expect(parseQuoted('id\ttext\n1\tplain\n2\t"a ""b""\tc\nd"\n')).toEqual([
    ['id', 'text'],
    ['1', 'plain'],
    ['2', 'a "b"\tc\nd'],
  ])
})

test('keeps empty fields and needs no line end at the end of the file', () => {
  expect(parseQuoted('a\t\tc\r\n\tb\t')).toEqual([
    ['a', '', 'c'],
    ['', 'b', ''],
  ])
})
