import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (name: string) => fileURLToPath(new URL(`./packages/${name}/src/index.ts`, import.meta.url))

export default defineConfig({
  resolve: { alias: { '@quiver/protocol': source('protocol'), '@quiver/client': source('client') } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts', 'benchmarks/**/*.test.ts'],
    globalSetup: 'test/temporary-folder.ts',
    // Bounds on hanging, not on speed: a machine that is shared with others takes several times as long.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
