import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'

/**
 * What was computed once, in a file of lines that only grows: a key, a space, a value. What a crash left of the last line
 * is no line, and is computed again; of two lines with one key the later counts.
 */
export class KeptLines {
  readonly #values: Map<string, string>
  readonly #file: FileHandle
  /** Lines are written one after the other, each whole. */
  #written: Promise<unknown> = Promise.resolve()

  private constructor(values: Map<string, string>, file: FileHandle) {
    this.#values = values
    this.#file = file
  }

  /** @param isValue whether a value is whole. */
  static async open(path: string, isValue: (value: string) => boolean): Promise<KeptLines> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(path, 'a+', 0o600)
    const values = new Map<string, string>()
    for await (const line of createInterface({ input: createReadStream(path, 'utf8') })) {
      const space = line.indexOf(' ')
      const value = line.slice(space + 1)
      if (space > 0 && isValue(value)) values.set(line.slice(0, space), value)
    }
    await file.appendFile('\n') // ends a line that was cut off
    return new KeptLines(values, file)
  }

  get(key: string): string | undefined {
    return this.#values.get(key)
  }

  async set(key: string, value: string): Promise<void> {
    this.#values.set(key, value)
    this.#written = this.#written.then(() => this.#file.appendFile(`${key} ${value}\n`))
    await this.#written
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
