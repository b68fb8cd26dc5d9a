import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { BUILTIN_WEIGHTS } from '@quiver/server/dist/engines/builtin/weights.js'
import { REPOSITORY, RESULTS } from './places.js'

/** A heading with a table below it, and what to say about it. */
export interface Section {
  title: string
  notes?: readonly string[]
  header: readonly string[]
  rows: readonly (readonly string[])[]
}

/** Where and when a result was measured. */
export function describeRun(command: string): string[] {
  const [cpu] = cpus()
  const memoryGib = Math.round(totalmem() / 2 ** 30)
  const load = loadavg().map((value) => value.toFixed(1))
  return [
    `- Command: \`${command}\``,
    `- Date: ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, commit ${commitId()}`,
    `- Machine: ${cpu?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${memoryGib} GiB, shared with other work (load average ${load.join(', ')})`,
    `- Node ${process.version}, ${process.platform} ${process.arch}`,
    `- Weights: ${describeWeights()}`,
  ]
}

/** Print a report and, if `file` is given, keep it under `results/`: runs with the default options only. */
export function publish(
  title: string,
  { command, sections, file }: { command: string; sections: readonly Section[]; file?: string },
): void {
  const text = `# ${title}\n\n${describeRun(command).join('\n')}\n\n${sections.map(toMarkdown).join('\n\n')}\n`
  process.stdout.write(text)
  if (file === undefined) return
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, file), text)
}

/** A share or correlation, as the field writes it. */
export function toPoints(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3) : '–'
}

/** Three significant digits, without an exponent. */
export function toShort(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

function toMarkdown({ title, notes = [], header, rows }: Section): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const table = [line(header), line(header.map((_, column) => (column === 0 ? '---' : '--:'))), ...rows.map(line)]
  return [`## ${title}`, ...notes, table.join('\n')].join('\n\n')
}

/** Of the last commit, and whether the server has changed since. */
export function commitId(): string {
  try {
    const git = (...words: string[]) => execFileSync('git', words, { cwd: REPOSITORY, encoding: 'utf8' }).trim()
    const isChanged = git('status', '--porcelain', '--', 'packages/server', 'packages/protocol') !== ''
    return git('rev-parse', '--short', 'HEAD') + (isChanged ? ' with local changes' : '')
  } catch {
    return 'unknown'
  }
}

function describeWeights(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(BUILTIN_WEIGHTS, 'manifest.json'), 'utf8'))
  const { name, version, trained, files } = manifest as {
    name: string
    version: string
    trained: boolean
    files: Record<'model.onnx', { bytes: number; sha256: string }>
  } // written by training/export.py; the server's own schema covers the part it needs
  const { bytes, sha256 } = files['model.onnx']
  const state = trained ? 'trained' : 'UNTRAINED, of the final shape'
  return `${name} ${version}, ${state}, ${(bytes / 1e6).toFixed(1)} MB, SHA-256 ${sha256.slice(0, 12)}`
}
