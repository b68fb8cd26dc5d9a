import type { Credentials } from './http.js'
import type { PulledModel } from './pulled-model.js'

/** A hash that a source promises; `git` is SHA-1 over git's blob header and the content. */
export interface PromisedHash {
  algorithm: 'sha256' | 'git'
  hex: string
}

/** A file that a source offers. */
export interface OfferedFile {
  /** Relative to the repository, with `/`; a {@link isSafePath safe path}. */
  path: string
  bytes: number
  /** Absent where a source promises none; then only the length can be checked. */
  hash?: PromisedHash
  /** Where its bytes are: a URL, or a path on this machine. */
  from: { url: string; credentials?: Credentials } | { path: string }
}

/** What a source holds at one revision. */
export interface Repository {
  /** With the commit that was found, where the source has commits: `hf:org/repo@<commit>`. */
  source: string
  /** As its card says it; absent where it says nothing. */
  license?: string
  /** What another Quiver wrote of these very files. */
  manifest?: PulledModel
  files: readonly OfferedFile[]
}
