import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { z } from 'zod'
import { type EngineKind, MANIFEST, type Prompts, PulledModel, type Towers } from '../../pull/pulled-model.js'

/** What engines read of `quiver-model.json`. */
const QuiverModel = PulledModel.pick({
  name: true,
  engine: true,
  files: true,
  weights: true,
  prompts: true,
  pooling: true,
  towers: true,
})

/** A pulled model's files are missing, damaged, or ask for what is not implemented; the message names file and field. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
}

/** A folder with a pulled model. */
export class ModelFolder {
  readonly #folder: string
  readonly #model: z.output<typeof QuiverModel>

  private constructor(folder: string, model: z.output<typeof QuiverModel>) {
    this.#folder = folder
    this.#model = model
  }

  /** @throws {ModelError} also when the model is for another engine. */
  static async open(folder: string, engine: EngineKind): Promise<ModelFolder> {
    const model = parse(MANIFEST, QuiverModel, await read(folder, MANIFEST))
    if (model.engine !== engine) {
      throw new ModelError(`${MANIFEST}: engine: must be ${engine}, got ${model.engine}.`)
    }
    if (model.files[model.weights] === undefined) {
      throw new ModelError(`${MANIFEST}: weights: ${model.weights} is none of its files.`)
    }
    return new ModelFolder(folder, model)
  }

  get name(): string {
    return this.#model.name
  }

  /** Prompts that the model's own files do not say. */
  get prompts(): Prompts | undefined {
    return this.#model.prompts
  }

  /** Pooling that the model's own files do not say. */
  get pooling(): PulledModel['pooling'] {
    return this.#model.pooling
  }

  /** Of a model of texts and pictures. */
  get towers(): Towers | undefined {
    return this.#model.towers
  }

  get weightsPath(): string {
    return join(this.#folder, this.#model.weights)
  }

  get weights(): string {
    return this.#model.weights
  }

  /** Of all files. */
  get bytes(): number {
    return Object.values(this.#model.files).reduce((sum, { bytes }) => sum + bytes, 0)
  }

  pathOf(path: string): string {
    return join(this.#folder, path)
  }

  sizeOf(paths: readonly string[]): number {
    return paths.reduce((sum, path) => sum + (this.#model.files[path]?.bytes ?? 0), 0)
  }

  has(path: string): boolean {
    return this.#model.files[path] !== undefined
  }

  sha256Of(path: string): string {
    const entry = this.#model.files[path]
    if (entry === undefined) throw new ModelError(`${path} is missing.`)
    return entry.sha256
  }

  /** Every file. */
  get paths(): string[] {
    return Object.keys(this.#model.files)
  }

  /** The weights and the files that hold what did not fit into them: `model.onnx_data`, `model.onnx.data`. */
  get weightFiles(): string[] {
    const { files, weights, towers } = this.#model
    const graphs = [...new Set([weights, towers?.text ?? weights])]
    return Object.keys(files).filter((path) =>
      graphs.some((graph) => path === graph || path.startsWith(`${graph}_`) || path.startsWith(`${graph}.`)),
    )
  }

  /** A small file's JSON. @throws {ModelError} when it is missing or not as expected. */
  async json<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    return parse(path, schema, await this.bytesOf(path))
  }

  /** Likewise; undefined where the model has no such file. */
  async optionalJson<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema> | undefined> {
    return this.has(path) ? this.json(path, schema) : undefined
  }

  /** A whole file, held against its hash. @throws {ModelError} */
  async bytesOf(path: string): Promise<Buffer> {
    const sha256 = this.sha256Of(path)
    const bytes = await read(this.#folder, path)
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw damaged(path)
    return bytes
  }

  /** Hold every file that is too large to be read at once against its size and hash. @throws {ModelError} */
  async verify(paths: readonly string[], signal: AbortSignal): Promise<void> {
    for (const path of paths) {
      const entry = this.#model.files[path]
      const { size } = await stat(this.pathOf(path)).catch(() => ({ size: -1 }))
      if (size === -1) throw new ModelError(`${path} cannot be read.`)
      if (size !== entry?.bytes) throw new ModelError(`${path} has ${size} bytes instead of ${entry?.bytes}.`)
      const hash = createHash('sha256')
      await pipeline(createReadStream(this.pathOf(path), { highWaterMark: 2 ** 20 }), hash, { signal })
      if (hash.digest('hex') !== entry.sha256) throw damaged(path)
    }
  }
}

function damaged(path: string): ModelError {
  return new ModelError(`${path} is damaged: its SHA-256 is not that of ${MANIFEST}. Pull the model again.`)
}

async function read(folder: string, path: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, path))
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new ModelError(`${path} cannot be read (${reason}).`)
  }
}

function parse<Schema extends z.ZodType>(path: string, schema: Schema, bytes: Buffer): z.output<Schema> {
  let content: unknown
  try {
    content = JSON.parse(bytes.toString())
  } catch {
    throw new ModelError(`${path} is no JSON.`)
  }
  const parsed = schema.safeParse(content)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = issue?.path.join('.')
  throw new ModelError(`${path}: ${field ? `${field}: ` : ''}${issue?.message ?? 'is not as expected'}.`)
}
