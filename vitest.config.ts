import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (name: string) => fileURLToPath(new URL(`./packages/${name}/src/index.ts`, import.meta.url))

export default defineConfig({
  resolve: { alias: { '@quiver/protocol': source('protocol'), '@quiver/client': source('client') } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts', 'benchmarks/**/*.test.ts'],
    // Most of what is tested are processes that are waited for; by itself Vitest would leave half of a small machine idle.
    maxWorkers: Math.max(3, availableParallelism()),
    globalSetup: 'test/temporary-folder.ts',
    // Bounds on hanging, not on speed: a machine that is shared with others takes several times as long.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
