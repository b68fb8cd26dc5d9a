import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasShape, type Snippet, type SnippetLanguage } from './snippets.js'

const TIMEOUT_MS = 120_000

export interface Workshop {
  /** Root of a server that accepts any key. */
  url: string
  /** Where `openai` and `@quiver/client` are found. */
  repository: string
  /** Python with the clients installed. */
  python?: string | undefined
  /** Class path with the Java clients. */
  classPath?: string | undefined
}

/**
 * Run one program as its reader would: its environment says where the server is, nothing else is given.
 *
 * @returns what is wrong with it, or `undefined`.
 */
export async function runSnippet(snippet: Snippet, workshop: Workshop): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'quiver-snippet-'))
  try {
    const { command, args, cwd } = await COMMANDS[snippet.language](snippet.code, { folder, ...workshop })
    const { code, printed, complaints } = await run(command, args, { cwd, env: environmentOf(workshop.url) })
    if (code !== 0) return `ended with ${code}\n${printed}${complaints}`
    if (snippet.output === undefined || hasShape(printed, snippet.output)) return undefined
    return `prints\n${printed}\nand not\n${snippet.output}\n${complaints}`
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The variables that docs/api/README.md tells the reader to set. */
function environmentOf(url: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    QUIVER_URL: url,
    QUIVER_API_KEY: 'any',
    OPENAI_BASE_URL: `${url}/compatible-mode/v1`,
    OPENAI_API_KEY: 'any',
    DASHSCOPE_HTTP_BASE_URL: `${url}/api/v1`,
    DASHSCOPE_API_KEY: 'any',
  }
}

/** Where the locale is not UTF-8, older Java reads its source and prints in another encoding. */
const JAVA_IS_UTF8 = ['file.encoding', 'stdout.encoding', 'sun.stdout.encoding'].map((name) => `-D${name}=UTF-8`)

type Command = { command: string; args: string[]; cwd: string }

const COMMANDS: Record<SnippetLanguage, (code: string, at: Workshop & { folder: string }) => Promise<Command>> = {
  sh: async (code, { folder }) => ({ command: 'bash', args: ['-euo', 'pipefail', '-c', code], cwd: folder }),
  js: async (code, { repository }) => ({
    command: process.execPath,
    args: ['--input-type=module', '--eval', code], // packages are found from the working directory
    cwd: repository,
  }),
  python: async (code, { folder, python = 'python3' }) => ({ command: python, args: ['-c', code], cwd: folder }),
  java: async (code, { folder, classPath = '.' }) => {
    await writeFile(join(folder, 'Snippet.java'), code)
    return { command: 'java', args: [...JAVA_IS_UTF8, '-cp', classPath, 'Snippet.java'], cwd: folder }
  },
}

function run(
  command: string,
  args: string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<{ code: number | string | null; printed: string; complaints: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS })
    const printed: Buffer[] = []
    const complaints: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => printed.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk))
    child.once('error', reject)
    child.once('close', (code, signal) =>
      resolve({
        code: code ?? signal,
        printed: Buffer.concat(printed).toString(),
        complaints: Buffer.concat(complaints).toString(),
      }),
    )
  })
}
