import type { Dialect } from '@quiver/protocol'

/** First segments of the paths of each dialect; the first that fits counts, and everything else is OpenAI's. */
const PATHS: readonly (readonly [path: string, dialect: Dialect])[] = [
  ['/api/v1', 'dashscope'],
  ['/api', 'ollama'],
  ['/v2', 'cohere'],
  ['/results', 'oss'],
  ['/uploads', 'oss'],
  ['/embed', 'tei'],
  ['/embed_all', 'tei'],
  ['/embed_sparse', 'tei'],
  ['/similarity', 'tei'],
  ['/tokenize', 'tei'],
  ['/decode', 'tei'],
  ['/predict', 'tei'],
  ['/rerank', 'tei'],
  ['/info', 'tei'],
  ['/health', 'tei'],
]

/** The dialect of a path, known or not, so that even a 404 answers in the words that its client reads. */
export function dialectOf(url: string): Dialect {
  const path = url.split(/[?#;]/)[0] ?? ''
  return PATHS.find(([start]) => path === start || path.startsWith(`${start}/`))?.[1] ?? 'openai'
}
