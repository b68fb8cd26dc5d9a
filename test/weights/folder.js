import { fileURLToPath } from 'node:url'
/** Where build.sh puts the models: outside of what git knows; tests on them skip when they are not there. */
export const MODELS =
  process.env.QUIVER_TEST_MODELS ?? fileURLToPath(new URL('../../.cache/test-models/', import.meta.url))
//# sourceMappingURL=folder.js.map
