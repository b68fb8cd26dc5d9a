const MEGABYTE = 1024 * 1024

/** What a batch file may have, as Model Studio's page on batches documents it. */
export const BATCH_LIMITS = { maxBytes: 500 * MEGABYTE, maxLines: 50_000, maxLineBytes: 6 * MEGABYTE } as const
/** Unfinished batches of one project. */
export const MAX_OPEN_BATCHES = 1000
/** Path that every line of a batch of embeddings names. */
export const EMBEDDINGS_ENDPOINT = '/v1/embeddings'

/** Tries the way of a batch from upload to result without computing anything: every line has the same answer, free. */
export const TEST_MODEL = {
  id: 'batch-test-model',
  endpoint: '/v1/chat/ds-test',
  limits: { maxBytes: MEGABYTE, maxLines: 100, maxLineBytes: MEGABYTE },
  maxRunning: 2,
  answer: 'This is a test result.',
} as const
