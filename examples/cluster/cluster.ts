/** Clustering: group headlines by topic with k-means on their vectors. */
import OpenAI from 'openai'

const openai = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? 'http://127.0.0.1:8790/compatible-mode/v1',
  apiKey: process.env.OPENAI_API_KEY ?? 'any',
})

async function embed(input: string[]): Promise<number[][]> {
  const { data } = await openai.embeddings.create({ model: 'text-embedding-v4', input, dimensions: 1024 })
  return data.map(({ embedding }) => embedding)
}

/** Lloyd's k-means, started from vectors that are far apart; returns the cluster of each vector. */
function kMeans(vectors: number[][], count: number): number[] {
  let centres = [vectors[0]]
  while (centres.length < count) {
    const gaps = vectors.map((vector) => Math.min(...centres.map((centre) => distance(vector, centre))))
    centres.push(vectors[gaps.indexOf(Math.max(...gaps))])
  }
  let labels: number[] = []
  for (let round = 0; round < 100; round++) {
    const next = vectors.map((vector) => {
      const gaps = centres.map((centre) => distance(vector, centre))
      return gaps.indexOf(Math.min(...gaps))
    })
    if (next.join() === labels.join()) break
    labels = next
    centres = centres.map((_, label) => mean(vectors.filter((_, position) => labels[position] === label)))
  }
  return labels
}

function distance(left: number[], right: number[]): number {
  return left.reduce((sum, value, position) => sum + (value - right[position]) ** 2, 0)
}

function mean(vectors: number[][]): number[] {
  return vectors[0].map((_, position) => vectors.reduce((sum, vector) => sum + vector[position], 0) / vectors.length)
}

const headlines = [
  '手机公司A发售新款手机',
  '搜索引擎公司B推出新款系统',
  '世界杯决赛阿根廷对阵法国',
  '奥运会中国队再添一金',
  '某公司发布最新AI芯片',
  '欧洲杯赛事报道',
]
const labels = kMeans(await embed(headlines), 2)
for (const cluster of [0, 1]) {
  console.log(`--- ${cluster} ---`)
  for (const [position, headline] of headlines.entries()) if (labels[position] === cluster) console.log(headline)
}

// The first headline starts the first cluster, so technology is 0.
if (labels.join() !== '0,0,1,1,0,1') throw new Error(`expected technology and sport apart, got ${labels.join()}`)
