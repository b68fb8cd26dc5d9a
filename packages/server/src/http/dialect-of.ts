import type { Dialect } from '@quiver/protocol'

/** The dialect of a path, known or not, so that even a 404 answers in the words that its client reads. */
export function dialectOf(path: string): Dialect {
  return path.startsWith('/api/v1') ? 'dashscope' : 'openai'
}
