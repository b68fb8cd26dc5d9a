import { fromBfloat16, fromHalf } from './half.js'
import type { DenseTensor } from './safetensors.js'
import { readZip, type ZipEntry } from './zip.js'

/** A file that PyTorch wrote holds more than a table of tensors. */
export class TorchFileError extends Error {
  override readonly name = 'TorchFileError'
}

/** The only names that a table of tensors needs; nothing that a file names is ever called. */
const STORAGES: Readonly<Record<string, (bytes: ArrayBuffer) => Float32Array>> = {
  FloatStorage: (bytes) => new Float32Array(bytes),
  HalfStorage: (bytes) => fromHalf(new Uint16Array(bytes)),
  BFloat16Storage: (bytes) => fromBfloat16(new Uint16Array(bytes)),
}

/** What the pickle names. */
class Global {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** A tensor's numbers, before they have a shape. */
class Storage {
  readonly values: Float32Array
  constructor(values: Float32Array) {
    this.values = values
  }
}

/**
 * The tensors of a small file that `torch.save` wrote of a state dict: a zip of a pickle and of raw numbers.
 *
 * A pickle is a program. This reads the few instructions that a table of tensors consists of and refuses every other; it
 * creates nothing but numbers, strings, lists and tensors.
 * @throws {TorchFileError} naming the instruction or name that is refused.
 */
export function readTorchFile(file: Buffer): Map<string, DenseTensor> {
  const entries = new Map(unzip(file).map(({ name, read }) => [name, read()]))
  const pickle = [...entries].find(([name]) => name.endsWith('/data.pkl'))
  if (pickle === undefined) throw new TorchFileError('holds no data.pkl')
  const [path, program] = pickle
  const folder = path.slice(0, -'data.pkl'.length)
  const result = new Unpickler(program, (key, kind) => {
    const bytes = entries.get(`${folder}data/${key}`)
    const read = STORAGES[kind]
    if (bytes === undefined || read === undefined) throw new TorchFileError(`has no storage ${key} of a known format`)
    return new Storage(read(Uint8Array.from(bytes).buffer))
  }).run()
  if (!(result instanceof Map)) throw new TorchFileError('is no table of tensors')
  const tensors = new Map<string, DenseTensor>()
  for (const [name, tensor] of result) {
    if (typeof name !== 'string' || !isTensor(tensor)) throw new TorchFileError('is no table of tensors')
    tensors.set(name, tensor)
  }
  return tensors
}

function unzip(file: Buffer): ZipEntry[] {
  try {
    return readZip(file)
  } catch (cause) {
    throw new TorchFileError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/** Runs the instructions of pickle's protocol 2 that build a dictionary of tensors. */
class Unpickler {
  readonly #program: Buffer
  readonly #load: (key: string, kind: string) => Storage
  readonly #stack: unknown[] = []
  readonly #marks: number[] = []
  readonly #memory = new Map<number, unknown>()
  #place = 0

  constructor(program: Buffer, load: (key: string, kind: string) => Storage) {
    this.#program = program
    this.#load = load
  }

  run(): unknown {
    for (;;) {
      const code = String.fromCharCode(this.#byte())
      if (code === '.') return this.#stack.pop()
      const step = this.#steps[code]
      if (step === undefined) throw new TorchFileError(`has the instruction ${JSON.stringify(code)}, which is not read`)
      step()
    }
  }

  readonly #steps: Readonly<Record<string, () => void>> = {
    '\x80': () => this.#skip(1),
    '(': () => this.#marks.push(this.#stack.length),
    ')': () => this.#push([]),
    ']': () => this.#push([]),
    '}': () => this.#push(new Map()),
    t: () => this.#push(this.#toMark()),
    '\x85': () => this.#push(this.#stack.splice(-1)),
    '\x86': () => this.#push(this.#stack.splice(-2)),
    '\x87': () => this.#push(this.#stack.splice(-3)),
    K: () => this.#push(this.#byte()),
    M: () => this.#push(this.#number(2)),
    J: () => this.#push(this.#number(4) | 0),
    '\x88': () => this.#push(true),
    '\x89': () => this.#push(false),
    N: () => this.#push(null),
    X: () => this.#push(this.#take(this.#number(4)).toString()),
    c: () => this.#push(new Global(`${this.#line()}.${this.#line()}`)),
    q: () => this.#memory.set(this.#byte(), this.#stack.at(-1)),
    r: () => this.#memory.set(this.#number(4), this.#stack.at(-1)),
    h: () => this.#push(this.#memory.get(this.#byte())),
    j: () => this.#push(this.#memory.get(this.#number(4))),
    Q: () => this.#push(this.#storage(this.#stack.pop())),
    R: () => this.#call(),
    s: () => this.#set(this.#stack.splice(-2)),
    u: () => this.#set(this.#toMark()),
  }

  #push(value: unknown): void {
    this.#stack.push(value)
  }

  #toMark(): unknown[] {
    const mark = this.#marks.pop()
    if (mark === undefined) throw new TorchFileError('is broken')
    return this.#stack.splice(mark)
  }

  #set(pairs: readonly unknown[]): void {
    const table = this.#stack.at(-1)
    if (!(table instanceof Map)) throw new TorchFileError('is broken')
    for (let i = 0; i + 1 < pairs.length; i += 2) table.set(pairs[i], pairs[i + 1])
  }

  #storage(id: unknown): Storage {
    const [tag, kind, key] = Array.isArray(id) ? id : []
    if (tag !== 'storage' || !(kind instanceof Global) || typeof key !== 'string') throw new TorchFileError('is broken')
    return this.#load(key, kind.name.replace(/^torch\./, ''))
  }

  #call(): void {
    const [called, words] = this.#stack.splice(-2)
    const name = called instanceof Global ? called.name : ''
    if (name === 'collections.OrderedDict') this.#push(new Map())
    else if (name === 'torch._utils._rebuild_tensor_v2' && Array.isArray(words)) this.#push(rebuild(words))
    else throw new TorchFileError(`calls ${name || 'something'}, which is not read`)
  }

  #byte(): number {
    return this.#take(1)[0] as number // take gives as many as asked for
  }

  #number(bytes: number): number {
    return this.#take(bytes).readUIntLE(0, bytes)
  }

  #skip(bytes: number): void {
    this.#take(bytes)
  }

  #take(bytes: number): Buffer {
    const taken = this.#program.subarray(this.#place, this.#place + bytes)
    if (taken.length < bytes) throw new TorchFileError('is cut off')
    this.#place += bytes
    return taken
  }

  #line(): string {
    const end = this.#program.indexOf('\n', this.#place)
    if (end === -1) throw new TorchFileError('is cut off')
    const line = this.#program.toString('latin1', this.#place, end)
    this.#place = end + 1
    return line
  }
}

/** `_rebuild_tensor_v2(storage, offset, shape, strides, …)`, rows one after the other only. */
function rebuild([storage, offset, shape, strides]: readonly unknown[]): DenseTensor {
  if (!(storage instanceof Storage) || !isSizes(shape) || !isSizes(strides) || typeof offset !== 'number') {
    throw new TorchFileError('has a tensor of unknown form')
  }
  const count = shape.reduce((product, size) => product * size, 1)
  let step = count
  const isInRows = shape.every((size, axis) => {
    step /= size
    return size === 1 || strides[axis] === step
  })
  const values = storage.values.subarray(offset, offset + count)
  if (!isInRows || values.length !== count) throw new TorchFileError('has a tensor that does not lie row by row')
  return { shape, values }
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isInteger(size) && size > 0)
}

function isTensor(value: unknown): value is DenseTensor {
  return typeof value === 'object' && value !== null && 'shape' in value && 'values' in value
}
