import { spearman } from '../vector/spearman.js'
import { cosine } from '../vector/vector.js'

/** Least cosine of any text: what float32 sums in another order, and bfloat16 or float16 of the same weights, stay above. */
const SAME_SPACE_COSINE = 0.9999
/** Of weights with 8 bits the least is above 0.98 and the mean above 0.99; with 4 bits a little lower. */
const OTHER_ARITHMETIC_COSINE = { least: 0.95, mean: 0.98 }

/**
 * - `same space`: vectors of either may be stored and compared with those of the other.
 * - `same model, other arithmetic`: rankings are nearly the same; do not mix them where exactness matters.
 * - `different`: nothing of one may be compared with anything of the other.
 */
export type Verdict = 'same space' | 'same model, other arithmetic' | 'different'

export interface Comparison {
  verdict: Verdict
  /** Cosine of each text's two vectors; absent where their dimensions differ. */
  cosines?: number[]
  leastCosine?: number
  meanCosine?: number
  /** Share of the `neighbours` nearest texts of each text that are the same on both sides, in [0, 1]. */
  agreement: number
  neighbours: number
  /** Of the similarities of all pairs of texts; absent with fewer than three texts. */
  spearman?: number
}

/**
 * Compare what two models made of the same texts. Time O(n² d) for n texts.
 *
 * @param neighbours nearest texts of each that are looked at; fewer where there are not so many.
 * @throws {RangeError} for no texts, or as many vectors on one side as not on the other.
 */
export function compare(
  here: readonly Float32Array[],
  there: readonly Float32Array[],
  { neighbours }: { neighbours: number },
): Comparison {
  if (here.length === 0 || here.length !== there.length) {
    throw new RangeError(`${here.length} and ${there.length} vectors cannot be compared`)
  }
  const cosines = here.every((vector, i) => vector.length === there[i]?.length)
    ? here.map((vector, i) => cosine(vector, there[i] as Float32Array)) // as many as here
    : undefined
  const [pairsHere, pairsThere] = [similarities(here), similarities(there)]
  const k = Math.min(neighbours, here.length - 1)
  const correlation = here.length < 3 ? Number.NaN : spearman(upperHalf(pairsHere), upperHalf(pairsThere))
  const leastCosine = cosines && Math.min(...cosines)
  const meanCosine = cosines && cosines.reduce((sum, value) => sum + value, 0) / cosines.length
  return {
    verdict: judge(leastCosine, meanCosine),
    ...(cosines && { cosines }),
    ...(leastCosine !== undefined && { leastCosine }),
    ...(meanCosine !== undefined && { meanCosine }),
    agreement: k === 0 ? 1 : agreementOf(pairsHere, pairsThere, k),
    neighbours: k,
    ...(Number.isFinite(correlation) && { spearman: correlation }),
  }
}

function judge(least: number | undefined, mean: number | undefined): Verdict {
  if (least === undefined || mean === undefined) return 'different'
  if (least >= SAME_SPACE_COSINE) return 'same space'
  const isClose = least >= OTHER_ARITHMETIC_COSINE.least && mean >= OTHER_ARITHMETIC_COSINE.mean
  return isClose ? 'same model, other arithmetic' : 'different'
}

/** Shape: n vectors → n rows of n cosines. */
function similarities(vectors: readonly Float32Array[]): number[][] {
  return vectors.map((a) => vectors.map((b) => cosine(a, b)))
}

function upperHalf(rows: readonly number[][]): number[] {
  return rows.flatMap((row, i) => row.slice(i + 1))
}

/** Mean overlap of the two lists of `k` nearest texts of each text; equal similarities go by position. */
function agreementOf(here: readonly number[][], there: readonly number[][], k: number): number {
  const nearest = (row: readonly number[], own: number) =>
    row
      .map((similarity, place) => ({ similarity, place }))
      .filter(({ place }) => place !== own)
      .sort((a, b) => b.similarity - a.similarity || a.place - b.place)
      .slice(0, k)
      .map(({ place }) => place)
  const shares = here.map((row, i) => {
    const others = new Set(nearest(there[i] ?? [], i))
    return nearest(row, i).filter((place) => others.has(place)).length / k
  })
  return shares.reduce((sum, share) => sum + share, 0) / shares.length
}
