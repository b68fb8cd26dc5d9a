import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (name: string) => fileURLToPath(new URL(`./packages/${name}/src/index.ts`, import.meta.url))

export default defineConfig({
  resolve: { alias: { '@quiver/protocol': source('protocol'), '@quiver/client': source('client') } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts', 'benchmarks/**/*.test.ts'],
    globalSetup: 'test/temporary-folder.ts',
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
