/** Main thread → worker: compute one job; or end. */
export type WorkerRequest<Input> = { kind: 'run'; jobId: number; input: Input } | { kind: 'end' }

/** Worker → main thread. `ready` comes once, after the models are loaded. */
export type WorkerReply =
  | { kind: 'ready' }
  | { kind: 'vector'; jobId: number; vector: Float32Array }
  | { kind: 'error'; jobId: number; message: string }
