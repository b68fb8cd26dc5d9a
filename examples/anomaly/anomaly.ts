/**
 * Anomaly detection: a text far from the centre of what is normal stands out.
 *
 * How far is too far depends on the model and the data: calibrate the threshold on your own.
 */
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

async function similarityToNormal(comment: string, normalComments: string[]): Promise<number> {
  const vectors = await embed([...normalComments, comment])
  return cosine(vectors[normalComments.length], mean(vectors.slice(0, -1)))
}

const THRESHOLD = 0.6

const normalComments = ['今天的会议很有成效', '项目进展顺利', '下周发布新版本', '用户反馈良好']
const normal = await similarityToNormal('功能符合预期', normalComments)
const gibberish = await similarityToNormal('asdfghjkl zxcvbnm', normalComments)
console.log(`${normal.toFixed(3)}  ${verdict(normal)}  功能符合预期`)
console.log(`${gibberish.toFixed(3)}  ${verdict(gibberish)}  asdfghjkl zxcvbnm`)

function verdict(score: number): string {
  return score < THRESHOLD ? 'anomaly' : 'normal '
}

if (gibberish >= normal) {
  throw new Error('expected the gibberish to be farther from normal than an ordinary comment')
}
