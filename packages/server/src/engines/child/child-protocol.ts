/** What goes to a child process: what to load, once; then jobs. */
export type ChildRequest<Setup, Job> =
  | { kind: 'load'; setup: Setup }
  | { kind: 'run'; jobId: number; job: Job }
  | { kind: 'end' }

/** What comes back. */
export type ChildReply<Report, Result> =
  | { kind: 'ready'; report: Report }
  | { kind: 'refused'; message: string }
  | { kind: 'done'; jobId: number; result: Result }
  | { kind: 'failed'; jobId: number; message: string }
