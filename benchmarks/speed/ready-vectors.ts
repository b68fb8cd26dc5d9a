/** Many, because no answer is like the one before: a processor that meets the same numbers again foresees the branches. */
const VECTORS = 1000
const DIMENSION = 1024

/** 1,000 unit vectors of 1,024 components with as many digits as a model's: a fixed stream of uniform numbers, scaled. */
export function readyVectors(): Float32Array[] {
  let state = 1
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0 // Numerical Recipes' generator; its high bits are used
    return state / 2 ** 31
  }
  return Array.from({ length: VECTORS }, () => {
    const raw = Array.from({ length: DIMENSION }, () => uniform() + uniform() + uniform())
    const length = Math.hypot(...raw)
    return Float32Array.from(raw, (component) => component / length)
  })
}

/** The next vectors in turn, round and round. */
export function takeInTurn<Vector>(vectors: readonly Vector[]): (count: number) => Vector[] {
  let next = 0
  return (count) => {
    const from = next % vectors.length
    next = from + count
    const taken = vectors.slice(from, next)
    return taken.length === count ? taken : [...taken, ...vectors.slice(0, count - taken.length)]
  }
}
