import { wordsOf } from './protocol.js'

/**
 * How servers say that a request has too many texts, and how many they take: DashScope and this server («batch size is
 * invalid, it should not be larger than 10»), TEI («batch size 33 > maximum allowed batch size 32»), OpenAI («array too
 * long. Expected an array with maximum length 2048»), Azure («Too many inputs. The max number of inputs is 16»), Cohere
 * («total number of texts must be at most 96»).
 */
const TOO_MANY_TEXTS: readonly RegExp[] = [
  /batch size[^.]{0,40}should not be larger than (\d+)/i,
  /maximum allowed batch size (\d+)/i,
  /array with maximum length (\d+)/i,
  /max(?:imum)? number of (?:inputs|texts) is (\d+)/i,
  /number of (?:inputs|texts) must be at most (\d+)/i,
]

/** Texts of one request that a server takes, as the words of its refusal say; absent where they say nothing of it. */
export function readTextLimit(body: unknown): number | undefined {
  const words = wordsOf(body)
  for (const pattern of TOO_MANY_TEXTS) {
    const limit = Number(words.match(pattern)?.[1])
    if (Number.isSafeInteger(limit) && limit > 0) return limit
  }
  return undefined
}
