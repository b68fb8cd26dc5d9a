import type { Random } from './random.js'

/** Bytes that are no UTF-8, or that end or begin things where they should not. */
export const HOSTILE_BYTES: readonly Buffer[] = [
  'ff',
  'fe',
  'c0af', // overlong slash
  'eda080', // a surrogate in UTF-8
  'f4908080', // above U+10FFFF
  'e28080', // cut off before the last byte by what follows
  '00',
  '22',
  '5c',
  '5c7564383030', // \ud800
  '7d',
  '5d2c',
  '0d0a0d0a',
].map((hex) => Buffer.from(hex, 'hex'))

/** Characters that text processing stumbles over. */
const CHARACTERS = [
  '\ud800',
  '\udfff',
  '\0',
  '\u200d',
  '\u202e',
  '\u0301',
  '\ufeff',
  '\u2028',
  '\uffff',
  '\u3000',
  '\u00ad',
  'ﷺ',
  '👨‍👩‍👧',
  '𝒳',
  'ß',
  'İ',
  '\u1100',
  ' ',
  '\n',
  '"',
  '\\',
  'a',
  '风',
]

/** A text of one kind, mostly short: the engine computes what is valid, and long texts cost seconds. */
export function hostileText(random: Random): string {
  const length = random.chance(0.02) ? 20_000 : random.chance(0.1) ? 500 : 1 + random.below(40)
  if (random.chance(0.5)) return random.pick(CHARACTERS).repeat(length)
  return Array.from({ length: Math.min(length, 200) }, () => random.pick(CHARACTERS)).join('')
}

/** JSON values that schemas, property look-ups and arithmetic stumble over; each is JSON text. */
export const HOSTILE_JSON: readonly string[] = [
  'null',
  'true',
  '0',
  '-0',
  '-1',
  '1.5',
  '1e400',
  '-1e400',
  '5e-324',
  '1e308',
  '9007199254740993',
  '123456789012345678901234567890',
  '""',
  '" "',
  '"\\u0000"',
  '"\\ud800"',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '[1,2,3]',
  '[["a"]]',
  '["a",1]',
  '{"__proto__":{"x":1}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"length":1}',
  '{"toString":1,"valueOf":2}',
  '{"toJSON":1}',
  'NaN',
  'Infinity',
  'undefined',
  "'x'",
  '/* */1',
  '01',
  '.5',
  '0x10',
  '"\n"',
  '[1,]',
]
