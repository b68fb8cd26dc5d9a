/**
 * Hybrid search: the meaning of a text and its very words, in one score.
 *
 * Dense vectors find what means the same; sparse vectors find what says the same, such as names and part numbers. Sparse
 * vectors come from the native endpoint, so this program calls it without an SDK.
 */

const baseUrl = process.env.DASHSCOPE_HTTP_BASE_URL ?? 'http://127.0.0.1:8790/api/v1'
const apiKey = process.env.DASHSCOPE_API_KEY ?? 'any'

interface Item {
  embedding: number[]
  sparse_embedding: { index: number; value: number; token: string }[]
}

/** The answer's shape: docs/api/text-embedding.md. */
interface Answer {
  output: { embeddings: Item[] }
  code?: string
  message?: string
}

async function embed(texts: string[], textType: 'query' | 'document'): Promise<Item[]> {
  const response = await fetch(`${baseUrl}/services/embeddings/text-embedding/text-embedding`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'text-embedding-v4',
      input: { texts },
      parameters: { dimension: 1024, text_type: textType, output_type: 'dense&sparse' },
    }),
  })
  const body = (await response.json()) as Answer
  if (!response.ok) throw new Error(`${response.status} ${body.code}: ${body.message}`)
  return body.output.embeddings
}

/** The vectors have unit length, so their dot product is their cosine. */
function cosine(left: number[], right: number[]): number {
  return left.reduce((sum, value, position) => sum + value * right[position], 0)
}

/** The share of the query's weight that the document has. */
function sharedWords(query: Item, document: Item): number {
  const values = new Map(document.sparse_embedding.map(({ index, value }) => [index, value]))
  return query.sparse_embedding.reduce((sum, { index, value }) => sum + value * (values.get(index) ?? 0), 0)
}

async function hybridSearch(query: string, documents: string[]) {
  const [[queryItem], items] = await Promise.all([embed([query], 'query'), embed(documents, 'document')])
  return items
    .map((item, position) => {
      const meaning = cosine(queryItem.embedding, item.embedding)
      const words = sharedWords(queryItem, item)
      return { document: documents[position], meaning, words, score: meaning + words }
    })
    .sort((left, right) => right.score - left.score)
}

const documents = [
  'XR-2040 电源适配器保修两年。',
  'XR-2041 电源适配器保修三年。',
  'XR-2042 电源适配器保修一年。',
  '所有商品支持七天无理由退货。',
]
const hits = await hybridSearch('XR-2041 适配器的保修期', documents)
for (const { document, score, meaning, words } of hits) {
  console.log(`${score.toFixed(3)} = ${meaning.toFixed(3)} + ${words.toFixed(3)}  ${document}`)
}

if (hits[0].document !== documents[1])
  throw new Error(`expected the adapter that was asked for, got: ${hits[0].document}`)
