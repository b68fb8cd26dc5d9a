/** What the thread is told when it starts. */
export interface WorkerSetup {
  modelPath: string
}

/** Main thread → worker: run the network on one row of token ids, prompt and special tokens included; or end. */
export type WorkerRequest = { kind: 'run'; jobId: number; ids: Int32Array } | { kind: 'end' }

/** Worker → main thread. `ready` comes once, after the model is loaded. */
export type WorkerReply =
  | { kind: 'ready' }
  | { kind: 'vector'; jobId: number; vector: Float32Array }
  | { kind: 'error'; jobId: number; message: string }
