/**
 * Buffers for answers, used again and again.
 *
 * A list of ten vectors needs some 200 KB. Fresh memory for each would not be in any cache, and every few hundred
 * answers the collector would have to look for all that was left behind: at one caller that was half of a request's cost.
 */
export interface BufferPool {
  /** At least so many bytes, with anything in them. */
  take(bytes: number): Buffer
  /** The memory may be another answer's from now on: call it when nobody reads or writes the buffer any more. */
  giveBack(buffer: Buffer): void
}

/** Smaller ones come from Node's own slabs. */
const LEAST_BYTES = 16_384
/** Larger ones are rare, and too dear to keep. */
const MOST_BYTES = 1_048_576

/** @param maxIdleBytes what is kept for later, together; more goes back to the collector. */
export function createBufferPool(maxIdleBytes = 8_388_608): BufferPool {
  /** Idle buffers by their size, a power of two. */
  const idle = new Map<number, Buffer[]>()
  let idleBytes = 0
  return {
    take(bytes) {
      if (bytes < LEAST_BYTES) return Buffer.allocUnsafe(bytes)
      if (bytes > MOST_BYTES) return Buffer.allocUnsafeSlow(bytes)
      const size = 2 ** Math.ceil(Math.log2(bytes))
      const buffer = idle.get(size)?.pop()
      if (buffer === undefined) return Buffer.allocUnsafeSlow(size)
      idleBytes -= size
      return buffer
    },
    giveBack(buffer) {
      const size = buffer.length
      if (size < LEAST_BYTES || size > MOST_BYTES || idleBytes + size > maxIdleBytes) return
      const others = idle.get(size)
      if (others === undefined) idle.set(size, [buffer])
      else others.push(buffer)
      idleBytes += size
    },
  }
}
