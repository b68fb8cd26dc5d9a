/** What the store itself writes into a model's folder; a source may not bring it. */
const RESERVED = /^quiver-model\.json$|\.part(\.json)?$/

/**
 * Whether a path that a listing or an archive names may be written below a model's folder: relative, with `/`, and
 * without any part that leaves the folder, that Windows reads as a drive or a device stream, or that the store uses.
 */
export function isSafePath(path: string): boolean {
  if (path.length === 0 || path.length > 255) return false
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  if (/[\\:\x00-\x1f\x7f]/.test(path)) return false
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) return false
  return !RESERVED.test(path)
}
