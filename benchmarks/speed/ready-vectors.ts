const VECTORS = 10
const DIMENSION = 1024

/** Ten unit vectors of 1,024 components with as many digits as a model's: a fixed stream of uniform numbers, scaled. */
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
