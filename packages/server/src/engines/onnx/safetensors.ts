import { z } from 'zod'
import { fromBfloat16, fromHalf } from './half.js'

/** Headers of real files have a few hundred kilobytes at most. */
const MAX_HEADER_BYTES = 100 * 2 ** 20

const Tensors = z.record(
  z.string(),
  z.object({ dtype: z.string(), shape: z.array(z.int().nonnegative()), data_offsets: z.tuple([z.int(), z.int()]) }),
)

export interface DenseTensor {
  shape: readonly number[]
  values: Float32Array
}

/**
 * The tensors of a safetensors file, as float32: eight bytes with the header's length, a JSON header, the data.
 *
 * @throws {RangeError} for a file that is cut off or holds another number format.
 * @see https://huggingface.co/docs/safetensors
 */
export function readSafetensors(file: Buffer): Map<string, DenseTensor> {
  const headerBytes = file.length < 8 ? Number.NaN : Number(file.readBigUInt64LE(0))
  if (!(headerBytes <= MAX_HEADER_BYTES && 8 + headerBytes <= file.length)) throw new RangeError('is cut off')
  const { __metadata__: _, ...header } = JSON.parse(file.toString('utf8', 8, 8 + headerBytes)) as Record<
    string,
    unknown
  >
  const data = file.subarray(8 + headerBytes)
  return new Map(
    Object.entries(Tensors.parse(header)).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => {
        if (!(0 <= start && start <= end && end <= data.length)) throw new RangeError(`${name} is cut off`)
        const values = toFloat32(data.subarray(start, end), dtype)
        const count = shape.reduce((product, size) => product * size, 1)
        if (values.length !== count) throw new RangeError(`${name} has ${values.length} values instead of ${count}`)
        return [name, { shape, values }]
      },
    ),
  )
}

/** Little-endian numbers of a format. @throws {RangeError} for another format. */
export function toFloat32(bytes: Buffer, format: string): Float32Array {
  const own = Uint8Array.from(bytes).buffer // aligned, whatever the place in the file
  if (format === 'F32') return new Float32Array(own)
  if (format === 'F16') return fromHalf(new Uint16Array(own))
  if (format === 'BF16') return fromBfloat16(new Uint16Array(own))
  throw new RangeError(`numbers of format ${format} are not implemented`)
}
