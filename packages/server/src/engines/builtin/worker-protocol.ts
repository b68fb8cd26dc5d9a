/** What the thread is told when it starts. */
export interface WorkerSetup {
  modelPath: string
}

/** Main thread → worker: run the network on one row of token ids, prompt and special tokens included. */
export interface WorkerRequest {
  jobId: number
  ids: Int32Array
}

/** Worker → main thread. `ready` comes once, after the model is loaded. */
export type WorkerReply =
  | { kind: 'ready' }
  | { kind: 'vector'; jobId: number; vector: Float32Array }
  | { kind: 'error'; jobId: number; message: string }
