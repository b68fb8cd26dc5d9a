import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository; this file runs as `benchmarks/dist/places.js`. */
export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url))
export const RESULTS = join(REPOSITORY, 'benchmarks/results')
export const FLOORS = join(REPOSITORY, 'benchmarks/quality/floors.json')
/** The command line of the server. */
export const QUIVER = join(REPOSITORY, 'packages/server/bin/quiver.js')
/** Folder of the evaluation data, with `text/eval` and `usecases`; see the README. */
export const DATA = resolve(process.env.QUIVER_DATA ?? join(REPOSITORY, '../shared/data'))
/** Vectors of earlier runs, by vector space; may be deleted at any time. */
export const CACHE = resolve(process.env.QUIVER_BENCH_CACHE ?? join(tmpdir(), 'quiver-bench-vectors'))
/** A home without pulled models: only what is in the repository is measured. */
export const NO_HOME = join(REPOSITORY, 'benchmarks/no-home')
