/**
 * The direction of imports between the rooms of packages/server/src (docs/architecture.md):
 *
 *   main, cli → assemble → http → { apps, jobs, files } → { embedding, multimodal, admission, usage, verify } → { catalog, engines, egress } → { vector, pull, media, protocol } → transport
 */
const ROOM = (...names) => `^packages/server/src/(${names.join('|')})(/|\\.ts$)`

/** Rooms from left to right; an import may only point to the right of its own column, or into its own room. */
const COLUMNS = [
  ['main', 'cli'],
  ['assemble', 'assemble-engines', 'assemble-jobs', 'assemble-media', 'assemble-storage'],
  ['http'],
  ['apps', 'jobs', 'processes', 'files'],
  ['embedding', 'multimodal', 'admission', 'usage', 'verify'],
  ['catalog', 'engines', 'egress'],
  ['vector', 'pull', 'media'],
  ['transport'],
]

const leftward = COLUMNS.flatMap((column, index) => {
  const left = COLUMNS.slice(0, index).flat()
  return left.length === 0
    ? []
    : [
        {
          name: `no-import-to-the-left-of-${column.join('-')}`,
          comment: 'An interface lives in the room that needs it; the composition root is assemble.ts.',
          severity: 'error',
          from: { path: ROOM(...column) },
          to: { path: ROOM(...left) },
        },
      ]
})

/** Rooms of one column do not know each other; the only exceptions. main and cli are one group. */
const NEIGHBOURS = {
  admission: ['usage'],
  assemble: ['assemble-engines', 'assemble-jobs', 'assemble-media', 'assemble-storage'],
  'assemble-jobs': ['assemble-storage'],
  jobs: ['files'],
  main: ['cli'],
  processes: ['files'],
  multimodal: ['embedding'],
}

const sideways = COLUMNS.flatMap((column) =>
  column.flatMap((room) => {
    const others = column.filter((other) => other !== room && !(NEIGHBOURS[room] ?? []).includes(other))
    return others.length === 0
      ? []
      : [
          {
            name: `no-neighbours-of-${room}`,
            severity: 'error',
            from: { path: ROOM(room) },
            to: { path: ROOM(...others) },
          },
        ]
  }),
)

module.exports = {
  forbidden: [
    ...leftward,
    ...sideways,
    {
      name: 'only-assemble-knows-engines',
      comment:
        'A concrete engine or store is chosen in the composition root; everyone else but tests sees the interface.',
      severity: 'error',
      from: {
        path: '^packages/server/src/',
        pathNot: ['^packages/server/src/(assemble[a-z-]*\\.ts|engines/|stores/)', '\\.test\\.ts$'],
      },
      to: { path: '^packages/server/src/(engines/[^/]+/|stores/)' },
    },
    {
      name: 'only-egress-and-pull-know-transport',
      comment: 'URLs that callers name go by egress, hosts that an operator names by pull.',
      severity: 'error',
      from: {
        path: '^packages/server/src/',
        pathNot: ['^packages/server/src/(transport|egress|pull)/', '\\.test\\.ts$'],
      },
      to: { path: '^packages/server/src/transport/' },
    },
    {
      name: 'protocol-is-pure',
      comment: 'What travels on the wire depends on zod only, so that it runs anywhere.',
      severity: 'error',
      from: { path: '^packages/protocol/src', pathNot: '\\.test\\.ts$' },
      to: { pathNot: ['^packages/protocol/', 'node_modules/zod'] },
    },
    {
      name: 'client-has-no-dependencies',
      severity: 'error',
      from: { path: '^packages/client/src', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^packages/client/' },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'environment-is-read-once',
      comment: 'config.ts parses the environment; everything else gets settings handed in.',
      severity: 'error',
      from: {
        path: '^packages/server/src/(http|files|egress|stores|admission|catalog|embedding|engines|pull|vector|media|telemetry|transport)/',
      },
      to: { path: '^packages/server/src/config\\.ts$', dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'], conditionNames: ['import', 'types', 'default'] },
  },
}
