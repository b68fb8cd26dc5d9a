/** Pages whose programs are run, from the root of the repository. Their translations hold the same programs. */
export const PAGES: readonly string[] = [
  'docs/api/embeddings.md',
  'docs/api/text-embedding.md',
  'docs/api/multimodal-embedding.md',
  'docs/api/models.md',
  'docs/api/files.md',
  'docs/api/tasks.md',
  'docs/api/batches.md',
  'docs/api/tokenizer.md',
  'docs/api/operations.md',
  'packages/client/README.md',
]
