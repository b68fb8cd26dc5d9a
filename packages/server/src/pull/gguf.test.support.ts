/** A value as it stands in a GGUF file. */
export interface RawValue {
  type: number
  bytes: Buffer
}

export function string(text: string): RawValue {
  return { type: 8, bytes: withLength(Buffer.from(text)) }
}

export function uint32(value: number): RawValue {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return { type: 4, bytes }
}

export function int32(value: number): RawValue {
  return { ...uint32(value), type: 5 }
}

export function bool(value: boolean): RawValue {
  return { type: 7, bytes: Buffer.from([value ? 1 : 0]) }
}

/** @param item number of the items' type. */
export function array(item: number, values: readonly (RawValue | Buffer)[]): RawValue {
  const head = Buffer.alloc(12)
  head.writeUInt32LE(item)
  head.writeBigUInt64LE(BigInt(values.length), 4)
  return { type: 9, bytes: Buffer.concat([head, ...values.map((value) => ('type' in value ? value.bytes : value))]) }
}

/** The header of a GGUF file without tensors. */
export function ggufBytes(metadata: Readonly<Record<string, RawValue>>): Buffer {
  const head = Buffer.alloc(24)
  head.write('GGUF')
  head.writeUInt32LE(3, 4)
  head.writeBigUInt64LE(BigInt(Object.keys(metadata).length), 16)
  const entries = Object.entries(metadata).flatMap(([key, { type, bytes }]) => {
    const kind = Buffer.alloc(4)
    kind.writeUInt32LE(type)
    return [withLength(Buffer.from(key)), kind, bytes]
  })
  return Buffer.concat([head, ...entries])
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(bytes.length))
  return Buffer.concat([length, bytes])
}
