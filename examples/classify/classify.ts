/** Zero-shot classification: the label whose name is closest to the text wins; no example is needed. */
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

async function classify(text: string, labels: string[]) {
  const [textVector, ...labelVectors] = await embed([text, ...labels])
  return labels
    .map((label, position) => ({ label, score: cosine(textVector, labelVectors[position]) }))
    .sort((left, right) => right.score - left.score)
}

const text = '这件衣服的料子很舒服，款式也好看'
const ranking = await classify(text, ['数码产品', '服装配饰', '食品饮料', '家居生活'])
console.log(text)
for (const { label, score } of ranking) console.log(`${score.toFixed(3)}  ${label}`)

if (ranking[0].label !== '服装配饰') throw new Error(`expected 服装配饰 (clothing), got ${ranking[0].label}`)
