/** A query with what answers it and what shares its words and does not. */
export interface RankingCase {
  query: string
  right: string
  wrong: string
}

/**
 * Easy cases that a model with the wrong pooling, the wrong end-of-text token or a lost prompt gets wrong all the same:
 * such vectors are finite and of unit length, and only what they say is off.
 */
export const RANKING_CANARY: readonly RankingCase[] = [
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
