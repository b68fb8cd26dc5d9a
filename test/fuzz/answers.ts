/** One answer as it came over the wire. */
export interface Answer {
  status: number
  /** Names in lower case; of a repeated one the last. */
  headers: ReadonlyMap<string, string>
  body: Buffer
}

/**
 * The complete answers at the beginning of what a connection has received.
 *
 * @param methods of the requests in order: an answer to HEAD has no body.
 * @throws {Error} for bytes that are no HTTP answer, or an answer whose end is not announced.
 */
export function parseAnswers(received: Buffer, methods: readonly string[]): Answer[] {
  const answers: Answer[] = []
  for (let at = 0; at < received.length; ) {
    const headEnd = received.indexOf('\r\n\r\n', at)
    if (headEnd === -1) break
    const [statusLine = '', ...lines] = received.toString('latin1', at, headEnd).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
    if (!Number.isInteger(status)) throw new Error(`no HTTP answer: ${statusLine.slice(0, 80)}`)
    const headers = new Map(lines.map((line) => splitHeader(line)))
    const bodyStart = headEnd + 4
    if (status < 200) {
      at = bodyStart
      continue
    }
    const hasNoBody = status === 204 || status === 304 || isBodiless(methods[answers.length], received, bodyStart)
    const length = hasNoBody ? 0 : Number(headers.get('content-length') ?? Number.NaN)
    if (!Number.isInteger(length)) throw new Error(`answer ${status} without a content-length`)
    if (received.length < bodyStart + length) break
    answers.push({ status, headers, body: received.subarray(bodyStart, bodyStart + length) })
    at = bodyStart + length
  }
  return answers
}

/** An answer to HEAD has no body, unless the parser gave up before it knew the method. */
function isBodiless(method: string | undefined, received: Buffer, bodyStart: number): boolean {
  return method === 'HEAD' && received[bodyStart] !== '{'.charCodeAt(0)
}

function splitHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}
