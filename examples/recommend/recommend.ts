/** Recommendation: the mean of what a user liked is a vector too; recommend the items closest to it. */
import OpenAI from 'openai'

const openai = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? 'http://127.0.0.1:8790/compatible-mode/v1',
  apiKey: process.env.OPENAI_API_KEY ?? 'any',
})

async function embed(input: string[]): Promise<number[][]> {
  const { data } = await openai.embeddings.create({ model: 'text-embedding-v4', input, dimensions: 1024 })
  return data.map(({ embedding }) => embedding)
}

function mean(vectors: number[][]): number[] {
  return vectors[0].map((_, position) => vectors.reduce((sum, vector) => sum + vector[position], 0) / vectors.length)
}

/** A mean is shorter than its unit vectors, so the cosine divides by the lengths. */
function cosine(left: number[], right: number[]): number {
  const dot = left.reduce((sum, value, position) => sum + value * right[position], 0)
  return dot / (Math.hypot(...left) * Math.hypot(...right))
}

async function recommend(history: string[], items: string[]) {
  const [liked, candidates] = await Promise.all([embed(history), embed(items)])
  const taste = mean(liked)
  return items
    .map((item, position) => ({ item, score: cosine(taste, candidates[position]) }))
    .sort((left, right) => right.score - left.score)
}

const recommendations = await recommend(
  ['科幻类', '动作类', '悬疑类'],
  ['未来世界', '太空探险', '古代战争', '浪漫之旅', '超级英雄'],
)
for (const { item, score } of recommendations) console.log(`${score.toFixed(3)}  ${item}`)

if (recommendations[0].item === '浪漫之旅') {
  throw new Error('a romance came first for a user of science fiction, action and mystery')
}
