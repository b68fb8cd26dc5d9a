import { resolve } from 'node:path'
import { PullError } from './pull-error.js'

/** Where a model comes from. `written` is how a user writes it, without the revision. */
export type Source =
  | { kind: 'hugging-face'; written: string; repository: string; revision: string }
  | { kind: 'modelscope'; written: string; repository: string; revision: string }
  | { kind: 'folder'; written: string; path: string }
  | { kind: 'url'; written: string; url: URL; sha256?: string }

/** Both parts start with a letter, a digit or `_`, so that neither can be `.` or `..`. */
const REPOSITORY = /^[A-Za-z0-9_][\w.-]{0,95}\/[A-Za-z0-9_][\w.-]{0,95}$/
const REVISION = /^[\w][\w./-]{0,127}$/

/**
 * Read `hf:org/repo[@revision]`, `ms:org/repo[@revision]`, `file:FOLDER`, or an http(s) URL.
 *
 * @returns `undefined` for anything without such a beginning: the name of a curated model.
 * @throws {PullError} for a known beginning with something wrong behind it.
 */
export function parseSource(text: string): Source | undefined {
  const [, scheme = '', rest = ''] = /^([a-z]+):(.*)$/s.exec(text) ?? []
  switch (scheme) {
    case 'hf':
      return { kind: 'hugging-face', ...parseRepository(text, rest, 'main') }
    case 'ms':
      return { kind: 'modelscope', ...parseRepository(text, rest, 'master') }
    case 'file':
      if (rest === '') throw new PullError(`${text}: a folder must follow, as in file:./my-model.`)
      return { kind: 'folder', written: `file:${resolve(rest)}`, path: resolve(rest) }
    case 'http':
    case 'https':
      return parseUrl(text)
    case '':
      return undefined
    default:
      throw new PullError(`${text}: sources begin with hf: ms: file: http: or https:, got ${scheme}:.`)
  }
}

/** What a pulled model is called when its user gives no name: the last part of its source, in lower case. */
export function defaultName(source: Source): string {
  const last =
    source.kind === 'folder'
      ? source.path
      : source.kind === 'url'
        ? source.url.pathname.replace(/\/$/, '').replace(/\.gguf$/i, '')
        : source.repository
  const name = (last.split(/[\\/]/).pop() ?? '').toLowerCase().replace(/[^a-z0-9._-]/g, '-')
  return name.replace(/^[^a-z0-9]+/, '').slice(0, 64)
}

function parseRepository(text: string, rest: string, defaultRevision: string) {
  const at = rest.indexOf('@')
  const repository = at < 0 ? rest : rest.slice(0, at)
  const revision = at < 0 ? defaultRevision : rest.slice(at + 1)
  if (!REPOSITORY.test(repository)) throw new PullError(`${text}: must name org/repository, got "${repository}".`)
  if (!REVISION.test(revision) || revision.split('/').includes('..')) {
    throw new PullError(`${text}: after @ a branch, tag or commit must follow, got "${revision}".`)
  }
  return { written: `${text.slice(0, 2)}:${repository}`, repository, revision }
}

function parseUrl(text: string): Source {
  if (!URL.canParse(text)) throw new PullError(`${text}: is no URL.`)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') throw new PullError('a URL with a user or password in it is refused.')
  const sha256 = /^#sha256=([0-9a-f]{64})$/i.exec(url.hash)?.[1]?.toLowerCase()
  if (url.hash !== '' && sha256 === undefined) {
    throw new PullError(`${text}: after # only sha256= and 64 hexadecimal digits may follow.`)
  }
  url.hash = ''
  return { kind: 'url', written: url.href, url, ...(sha256 === undefined ? {} : { sha256 }) }
}
