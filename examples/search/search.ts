/** Semantic search: sort documents by how close their vectors are to the query's. */
import OpenAI from 'openai'

const openai = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? 'http://127.0.0.1:8790/compatible-mode/v1',
  apiKey: process.env.OPENAI_API_KEY ?? 'any',
})

async function embed(input: string[]): Promise<number[][]> {
  const { data } = await openai.embeddings.create({ model: 'text-embedding-v4', input, dimensions: 1024 })
  return data.map(({ embedding }) => embedding)
}

/** The vectors have unit length, so their dot product is their cosine. */
function cosine(left: number[], right: number[]): number {
  return left.reduce((sum, value, position) => sum + value * right[position], 0)
}

async function search(query: string, documents: string[], topK: number) {
  const [[queryVector], vectors] = await Promise.all([embed([query]), embed(documents)])
  return documents
    .map((document, position) => ({ document, score: cosine(queryVector, vectors[position]) }))
    .sort((left, right) => right.score - left.score)
    .slice(0, topK)
}

const documents = [
  '人工智能是计算机科学的一个分支',
  '机器学习是实现人工智能的重要方法',
  '深度学习是机器学习的一个子领域',
]
const hits = await search('什么是AI？', documents, 2)
for (const { document, score } of hits) console.log(`${score.toFixed(3)}  ${document}`)

if (hits[0].document !== documents[0]) throw new Error(`expected the definition of AI first, got: ${hits[0].document}`)
