import type { TextType } from '@quiver/protocol'
import { cosine } from '../vector/vector.js'

/** A text with one that belongs to it and one that has nothing to do with it. */
export interface RankingCase {
  query: string
  right: string
  wrong: string
}

/**
 * Easy cases that a model with the wrong pooling, the wrong end-of-text token or a lost prompt gets wrong all the same:
 * such vectors are finite and of unit length, and only what they say is off.
 */
export const QUESTIONS: readonly RankingCase[] = [
  {
    query: 'How do I reset my password?',
    right: 'Click "Forgot password" on the sign-in page and follow the link in the e-mail to choose a new one.',
    wrong: 'The museum is closed on Mondays; on other days it opens at ten.',
  },
  {
    query: 'capital of France',
    right: 'Paris is the seat of the French government and the largest city of the country.',
    wrong: 'Stir the flour into the melted butter and let it cool before adding the eggs.',
  },
]

/** Easier still: two ways to say one thing, and another thing. Random weights that are put together rightly pass. */
export const PARAPHRASES: readonly RankingCase[] = [
  {
    query: 'A man is playing a guitar.',
    right: 'Someone plays the guitar.',
    wrong: 'The stock market fell sharply on Monday.',
  },
  {
    query: 'How do I reset my password?',
    right: 'I forgot my password and want to reset it.',
    wrong: 'The recipe needs two eggs and some flour.',
  },
  { query: '今天天气很好。', right: '今天的天气不错。', wrong: '他昨天买了一台新电脑。' },
]

/** How near the two texts of a case are to its query: cosines. */
export interface Ranking {
  worst: RankingCase
  near: number
  far: number
}

/**
 * The case that a model does worst.
 *
 * @param embed vector of a text. @param queryType `query` for questions, `document` for paraphrases.
 * @returns `near > far` where all are right; it is false for NaN too.
 */
export async function rankWorst(
  cases: readonly RankingCase[],
  embed: (text: string, textType: TextType) => Promise<Float32Array>,
  { queryType }: { queryType: TextType },
): Promise<Ranking> {
  const rankings = await Promise.all(
    cases.map(async (own): Promise<Ranking> => {
      const [asked, right, wrong] = await Promise.all([
        embed(own.query, queryType),
        embed(own.right, 'document'),
        embed(own.wrong, 'document'),
      ])
      return { worst: own, near: cosine(asked, right), far: cosine(asked, wrong) }
    }),
  )
  const [first, ...others] = rankings
  if (first === undefined) throw new RangeError('there is no case to rank')
  // Written so that NaN is worse than any number.
  return others.reduce((worst, one) => (one.near - one.far >= worst.near - worst.far ? worst : one), first)
}
