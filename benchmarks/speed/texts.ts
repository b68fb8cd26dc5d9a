import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BUILTIN_WEIGHTS } from '@quiver/server/dist/engines/builtin/weights.js'
import { DATA } from '../places.js'
import { createRandom } from '../quality/random.js'
import { readRows } from '../quality/read-records.js'

/** Texts to measure speed with. */
export interface TextSet {
  name: string
  texts: readonly string[]
}

const WORDS = 8_000
const SEED = 20_261_122

/**
 * Made-up texts of about so many tokens: words drawn from the model's own vocabulary, the frequent ones more often.
 * The same on every machine. No two are equal, so that nothing is computed once for two of them.
 */
export function madeUpTexts(tokens: number, count: number): string[] {
  const words = frequentWords()
  const random = createRandom(SEED + tokens)
  const draw = () => words[Math.floor(words.length ** random()) - 1] as string // 1 ≤ length^random < length
  return Array.from({ length: count }, () => Array.from({ length: tokens }, draw).join(' '))
}

/** English and Chinese sentences of the STS benchmark in turn, mixed; undefined where the data is not there. */
export function realSentences(count: number): string[] | undefined {
  const path = join(DATA, 'text/eval/stsb_test.tsv.gz')
  if (!existsSync(path)) return undefined
  const rows = readRows(path)
  const ofLanguage = (language: string) => {
    const all = new Set(rows.filter(([own]) => own === language).map(([, , first = '']) => first))
    return shuffle([...all]).slice(0, Math.ceil(count / 2))
  }
  const chinese = ofLanguage('zh')
  // The two languages have the same rows, but not the same number of distinct sentences.
  return ofLanguage('en').flatMap((sentence, row) => [sentence, chinese[row] ?? sentence])
}

/** Fisher and Yates, the same order on every machine: the file begins with its shortest sentences. */
function shuffle(texts: string[]): string[] {
  const random = createRandom(SEED)
  for (let last = texts.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const kept = texts[last] as string // both positions are in the list
    texts[last] = texts[other] as string
    texts[other] = kept
  }
  return texts
}

/** Pieces that are whole words of Latin letters, the likeliest first. */
function frequentWords(): string[] {
  const file = JSON.parse(readFileSync(join(BUILTIN_WEIGHTS, 'tokenizer.json'), 'utf8')) as {
    model: { vocab: [string, number][] }
  } // the server's tokenizer checks the same file
  return file.model.vocab
    .filter(([piece]) => /^▁[a-z]{2,}$/.test(piece))
    .sort(([, a], [, b]) => b - a)
    .slice(0, WORDS)
    .map(([piece]) => piece.slice(1))
}
