import { HOSTILE_JSON, hostileText } from './hostile.js'
import type { Random } from './random.js'

const KEYS = [
  '__proto__',
  'constructor',
  'toString',
  '',
  'model',
  'input',
  'texts',
  'parameters',
  'dimension',
  '\0',
  'a.b',
]
const VALUES = [
  '"text-embedding-v4"',
  '"text-embedding-v2"',
  '"base64"',
  '"query"',
  '64',
  '2048',
  '"dense&sparse"',
  '"x"',
]

/** Change one place in a JSON body, wherever it is; what is no JSON comes back as it is. */
export function mutateJson(body: Buffer, random: Random): Buffer {
  const tree = parse(body)
  return tree === undefined ? body : Buffer.from(write(tree, random, { left: random.below(countOf(tree)) }))
}

/** Longer bodies are mutations already, and may be nested deeper than a recursion goes. */
const MAX_BYTES = 50_000

function parse(body: Buffer): unknown {
  if (body.length > MAX_BYTES) return undefined
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return 1 + Object.values(value).reduce<number>((sum, part) => sum + countOf(part), 0)
}

/** JSON text of a value in which the node that the countdown ends at is another. */
function write(value: unknown, random: Random, countdown: { left: number }): string {
  if (countdown.left-- === 0) return change(value, random)
  if (Array.isArray(value)) return `[${value.map((part) => write(part, random, countdown)).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(
      ([key, part]) => `${JSON.stringify(key)}:${write(part, random, countdown)}`,
    )
    return `{${entries.join(',')}}`
  }
  return JSON.stringify(value) ?? 'null'
}

function change(value: unknown, random: Random): string {
  const own = JSON.stringify(value) ?? 'null'
  const hostile = () => random.pick([() => random.pick(HOSTILE_JSON), () => random.pick(VALUES), text])()
  const text = () => JSON.stringify(hostileText(random))
  if (Array.isArray(value)) {
    return random.pick<() => string>([
      hostile,
      () =>
        `[${value
          .map((part) => JSON.stringify(part))
          .concat(hostile())
          .join(',')}]`,
      () => `[${Array.from({ length: 1 + random.below(30) }, text).join(',')}]`,
      () => JSON.stringify(value.slice(1)),
      () => `[${own}]`,
    ])()
  }
  if (typeof value === 'object' && value !== null) {
    const inner = own.slice(1, -1)
    const key = JSON.stringify(random.pick([...Object.keys(value), ...KEYS]))
    return random.pick<() => string>([
      hostile,
      () => `{${[inner, `${key}:${hostile()}`].filter(Boolean).join(',')}}`,
      () => `{${[`${key}:${hostile()}`, inner].filter(Boolean).join(',')}}`,
      () => JSON.stringify(Object.fromEntries(Object.entries(value).slice(1))),
      () => `[${own}]`,
      () => `{${JSON.stringify(random.pick(KEYS))}:${own}}`,
    ])()
  }
  return random.pick<() => string>([hostile, hostile, text, () => `[${own}]`, () => `{"x":${own}}`])()
}
