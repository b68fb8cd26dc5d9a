import { getJson, type Reach } from './get-json.js'
import { checkAnswer } from './http.js'
import { PullError } from './pull-error.js'
import { MANIFEST, parseManifest } from './pulled-model.js'
import type { Repository } from './repository.js'
import { withRetries } from './retry.js'

/**
 * What lies at a plain URL: with `/` at its end a folder that holds a pulled model (`quiver-model.json` beside its files,
 * as any web server can serve it), else one GGUF file, whose hash a `#sha256=` may promise.
 *
 * @throws {PullError}
 */
export async function listUrl({ url, sha256 }: { url: URL; sha256?: string }, reach: Reach): Promise<Repository> {
  if (url.pathname.endsWith('/')) return listServedFolder(url, reach)
  const name = decodeURIComponent(url.pathname.split('/').pop() ?? '')
  if (!/^[\w.-]+\.gguf$/i.test(name)) {
    throw new PullError(`${url.href}: must end in .gguf, or in / for a folder with ${MANIFEST}.`)
  }
  return {
    source: url.href,
    files: [
      {
        path: name,
        bytes: await lengthOf(url, reach),
        ...(sha256 && { hash: { algorithm: 'sha256', hex: sha256 } }),
        from: { url: url.href },
      },
    ],
  }
}

async function listServedFolder(url: URL, reach: Reach): Promise<Repository> {
  const { value } = await getJson(new URL(MANIFEST, url).href, reach)
  const manifest = parseManifest(value)
  return {
    source: url.href,
    ...(manifest.license === undefined ? {} : { license: manifest.license }),
    manifest,
    files: Object.entries(manifest.files).map(([path, { bytes, sha256 }]) => ({
      path,
      bytes,
      hash: { algorithm: 'sha256', hex: sha256 },
      from: { url: new URL(path.split('/').map(encodeURIComponent).join('/'), url).href },
    })),
  }
}

/** The first byte is asked for, because `Content-Range` gives the whole length and a HEAD is not answered everywhere. */
async function lengthOf(url: URL, { http, patience, signal }: Reach): Promise<number> {
  return withRetries(
    async () => {
      const options = { signal, answerMs: patience.answerMs, headers: { range: 'bytes=0-0' } }
      const { status, headers, body } = checkAnswer(await http.get(url.href, options))
      body.destroy()
      const range = status === 206 ? headers['content-range'] : undefined
      const length = range === undefined ? headers['content-length'] : /\/(\d+)$/.exec(String(range))?.[1]
      const bytes = Number(length)
      if (length === undefined || !Number.isSafeInteger(bytes))
        throw new PullError(`${url.host} does not say how long it is.`)
      return bytes
    },
    { patience, signal, what: url.host },
  )
}
