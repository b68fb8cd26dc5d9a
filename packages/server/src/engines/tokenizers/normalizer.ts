import { z } from 'zod'
import { type AlignedText, alignForm, replaceIn } from './align.js'
import { clustersOf, Precompiled } from './precompiled.js'
import { TokenizerError } from './tokenizer.js'
import { toForm } from './unicode-form.js'

/** The steps of a `tokenizer.json`'s normaliser that are computed here, for stretches of a text. */
const Step = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['NFC', 'NFD', 'NFKC', 'NFKD']) }),
  z.object({ type: z.literal('Precompiled'), precompiled_charsmap: z.string() }),
  z.object({ type: z.literal('Strip'), strip_left: z.boolean(), strip_right: z.boolean() }),
  z.object({ type: z.literal('Lowercase') }),
  z.object({
    type: z.literal('Replace'),
    pattern: z.union([z.object({ String: z.string().min(1) }), z.object({ Regex: z.string().min(1) })]),
    content: z.string(),
  }),
])
type Step = z.output<typeof Step>

/** Text as the model's vocabulary spells it. */
export interface Normalizer {
  normalize(stretch: string, isStart: boolean): string
  /** Likewise, with the places of each unit. */
  align(stretch: string, isStart: boolean): AlignedText
}

type Align = (text: AlignedText, isStart: boolean) => AlignedText
interface CompiledStep {
  apply(text: string, isStart: boolean): string
  align: Align
}

/** @throws {TokenizerError} for a step that is not implemented. */
export function createNormalizer(file: unknown): Normalizer {
  const steps = stepsOf(file, 'normalizer').map(compile)
  return {
    normalize: (stretch, isStart) => steps.reduce((text, step) => step.apply(text, isStart), stretch),
    align(stretch, isStart) {
      const whole = alignForm(stretch, (part) => part)
      return steps.reduce((aligned, step) => step.align(aligned, isStart), whole)
    },
  }
}

/** A step by itself, or a sequence of them, sequences within it included. */
function stepsOf(file: unknown, field: string): Step[] {
  if (file === null || file === undefined) return []
  const sequence = z.object({ type: z.literal('Sequence'), normalizers: z.array(z.unknown()) }).safeParse(file)
  if (sequence.success)
    return sequence.data.normalizers.flatMap((step, i) => stepsOf(step, `${field}.normalizers[${i}]`))
  const step = Step.safeParse(file)
  if (step.success) return [step.data]
  const { data } = z.object({ type: z.string() }).safeParse(file)
  throw new TokenizerError(`${field}: ${data?.type ?? JSON.stringify(file).slice(0, 80)} is not implemented.`)
}

function compile(step: Step): CompiledStep {
  switch (step.type) {
    case 'Precompiled': {
      const table = new Precompiled(step.precompiled_charsmap)
      return {
        apply: (text) => table.normalize(text),
        align: (aligned) => mapParts(aligned, clustersOf(aligned.text), (part) => table.cluster(part)),
      }
    }
    case 'Strip':
      return {
        apply: (text, isStart) => strip(text, step.strip_left && isStart, step.strip_right),
        align: (aligned, isStart) => cut(aligned, strip, step.strip_left && isStart, step.strip_right),
      }
    case 'Lowercase': {
      const lower = (text: string) => text.replaceAll('Σ', 'σ').toLowerCase()
      return { apply: lower, align: (aligned) => mapParts(aligned, aligned.text, lower) }
    }
    case 'Replace': {
      const { pattern, content } = step
      const expression = 'String' in pattern ? new RegExp(literal(pattern.String), 'gu') : toRegExp(pattern.Regex)
      return {
        apply: (text) => text.replace(expression, () => content),
        align: (aligned) => replaceIn(aligned, expression, content),
      }
    }
    default: {
      const form = (text: string) => toForm(text, step.type)
      return { apply: form, align: (aligned) => mapForm(aligned, form) }
    }
  }
}

/** Each part becomes something else; the units of what it becomes all stand for the part. */
function mapParts(aligned: AlignedText, parts: Iterable<string>, map: (part: string) => string): AlignedText {
  const mapped = { text: '', starts: [] as number[], ends: [] as number[] }
  let position = 0
  for (const part of parts) {
    const replaced = map(part)
    const end = position + part.length
    for (let i = 0; i < replaced.length; i++) {
      // Unchanged parts keep the places of their units.
      const from = replaced === part ? position + i : position
      const to = replaced === part ? position + i : end - 1
      mapped.starts.push(aligned.starts[from] as number) // parts make up the text
      mapped.ends.push(aligned.ends[to] as number)
    }
    mapped.text += replaced
    position = end
  }
  return mapped
}

function mapForm(aligned: AlignedText, form: (text: string) => string): AlignedText {
  const formed = alignForm(aligned.text, form)
  return {
    text: formed.text,
    starts: formed.starts.map((start) => aligned.starts[start] as number), // places in the text before this step
    ends: formed.ends.map((end) => aligned.ends[end - 1] as number),
  }
}

function strip(text: string, isLeft: boolean, isRight: boolean): string {
  const right = isRight ? text.trimEnd() : text
  return isLeft ? right.trimStart() : right
}

function cut(aligned: AlignedText, how: typeof strip, isLeft: boolean, isRight: boolean): AlignedText {
  const text = how(aligned.text, isLeft, isRight)
  const first = isLeft ? aligned.text.length - aligned.text.trimStart().length : 0
  return {
    text,
    starts: aligned.starts.slice(first, first + text.length),
    ends: aligned.ends.slice(first, first + text.length),
  }
}

/** The file's patterns are in Rust's notation. @throws {TokenizerError} for one that means nothing here. */
export function toRegExp(pattern: string): RegExp {
  try {
    return new RegExp(withoutInlineFlags(pattern.replaceAll('\\x{', '\\u{')), 'gu')
  } catch (cause) {
    throw new TokenizerError(`the pattern ${pattern.slice(0, 80)} cannot be read.`, { cause })
  }
}

/** `(?i:…)`, which Node 20 does not know: every letter in both cases, and what else folds to it. */
function withoutInlineFlags(pattern: string): string {
  return pattern.replace(/\(\?i:([^()\\[\]]*)\)/g, (_, inner: string) => {
    const folded: Record<string, string> = { s: 'sSſ', k: 'kK\u212a' }
    return `(?:${inner.replace(/[a-z]/gi, (letter) => {
      const lower = letter.toLowerCase()
      return `[${folded[lower] ?? lower + lower.toUpperCase()}]`
    })})`
  })
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
