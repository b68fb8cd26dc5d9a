const DEFAULT_TAG = ':latest'

/** Name → public model id: Ollama's clients add the default tag, or leave it out (types/model/name.go). */
export function modelIdOf(name: string): string {
  return name.endsWith(DEFAULT_TAG) ? name.slice(0, -DEFAULT_TAG.length) : name
}

/** Public model id → the name that lists show. */
export function nameOf(modelId: string): string {
  return modelId + DEFAULT_TAG
}
