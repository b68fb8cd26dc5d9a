import { type Credentials, checkAnswer, type Http } from './http.js'
import { PullError, reasonOf, TransientError } from './pull-error.js'
import { type Patience, withRetries } from './retry.js'

const MAX_JSON_BYTES = 16 * 1024 * 1024

/** What every request of a pull needs. */
export interface Reach {
  http: Http
  patience: Patience
  signal: AbortSignal
}

/**
 * Fetch and parse a document, tried again while the server is busy.
 *
 * @throws {PullError} when it cannot be had, is longer than 16 MiB, or is no JSON; {@link HttpFailure} for its status.
 */
export async function getJson(
  url: string,
  { http, patience, signal }: Reach,
  credentials?: Credentials,
): Promise<{ value: unknown; headers: Readonly<Record<string, string | string[] | undefined>> }> {
  const { host } = new URL(url)
  return withRetries(
    async () => {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(patience.answerMs)])
      const options = { signal: deadline, answerMs: patience.answerMs, ...(credentials && { credentials }) }
      try {
        const { headers, body } = checkAnswer(await http.get(url, options))
        return { value: parse(await readAll(body, host), host), headers }
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof PullError || error instanceof TransientError) throw error
        throw new TransientError(`${host} did not answer in full (${reasonOf(error)})`, undefined, { cause: error })
      }
    },
    { patience, signal, what: host },
  )
}

async function readAll(body: AsyncIterable<Buffer>, host: string): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > MAX_JSON_BYTES) throw new PullError(`${host} answers with more than ${MAX_JSON_BYTES} bytes of JSON.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string, host: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new PullError(`${host} answers with something that is no JSON.`)
  }
}
