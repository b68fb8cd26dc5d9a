/** Video search: words and a still find the film. A video may be a file, or its frames as pictures, as here. */
import { crc32, deflateSync } from 'node:zlib'

const baseUrl = process.env.DASHSCOPE_HTTP_BASE_URL ?? 'http://127.0.0.1:8790/api/v1'

type Colour = [red: number, green: number, blue: number]
/** Both coordinates run from 0 to 1. */
type Scene = (x: number, y: number) => Colour

/** The bytes of a PNG file; a real program reads files instead. */
function png(scene: Scene, side: number): Buffer {
  const rows = Buffer.alloc((3 * side + 1) * side)
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const colour = scene(x / side, y / side)
      for (const [channel, value] of colour.entries()) {
        rows[y * (3 * side + 1) + 1 + 3 * x + channel] = Math.max(0, Math.min(255, value))
      }
    }
  }
  const chunk = (kind: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(kind), data])
    const frame = Buffer.alloc(8)
    frame.writeUInt32BE(data.length, 0)
    frame.writeUInt32BE(crc32(body), 4)
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]
  return Buffer.concat([signature, ...chunks])
}

/** A sun that sinks into the sea; `moment` runs from 0 to 1. */
const sunset =
  (moment: number): Scene =>
  (x, y) => {
    if (y > 0.6) return [90 - 60 * y, 70 - 40 * y, 140 - 60 * y]
    if ((x - 0.5) ** 2 + (y - 0.2 - 0.4 * moment) ** 2 < 0.02) return [255, 240, 120]
    return [255 - 60 * y, 180 - 130 * y, 60 + 60 * y]
  }
/** A walk past twenty-four trees at the edge of a forest. */
const forest =
  (moment: number): Scene =>
  (x, y) => {
    let colour: Colour = y > 0.75 ? [70 + 20 * y, 140 - 30 * y, 50] : [150 + 60 * y, 200 + 30 * y, 250 - 20 * y]
    for (let tree = 0; tree < 24; tree++) {
      // Steps of the golden section put the trees where no two are the same, as a forest does.
      const spread = (tree * 0.618) % 1
      const middle = 2.4 * spread - 0.2 - moment
      const top = 0.25 + 0.3 * ((spread * 7) % 1)
      if (Math.abs(x - middle) < 0.015 && y > top && y < top + 0.5) colour = [85, 60, 40]
      for (let leaf = 0; leaf < 5; leaf++) {
        const right = 0.14 * ((leaf * 0.618) % 1) - 0.07
        const down = 0.2 * ((leaf * 0.382) % 1) - 0.1
        if ((x - middle - right) ** 2 + (y - top - down) ** 2 < 0.005) {
          const light = 0.6 + 0.5 * ((spread * 11) % 1)
          colour = [35 * light, 110 * light, 40 * light]
        }
      }
    }
    return colour
  }

const dataUri = (scene: Scene) => `data:image/png;base64,${png(scene, 224).toString('base64')}`
const frames = (film: (moment: number) => Scene) => Array.from({ length: 8 }, (_, i) => dataUri(film(i / 7)))

type Content = { text: string } | { image: string } | { video: string[] }

async function embed(content: Content): Promise<number[]> {
  const response = await fetch(`${baseUrl}/services/embeddings/multimodal-embedding/multimodal-embedding`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${process.env.DASHSCOPE_API_KEY ?? 'any'}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ model: 'multimodal-embedding-v1', input: { contents: [content] } }),
  })
  if (!response.ok) throw new Error(await response.text())
  const { output } = (await response.json()) as { output: { embeddings: { embedding: number[] }[] } }
  return output.embeddings[0].embedding
}

/** The vectors have unit length, so their dot product is their cosine. */
function cosine(left: number[], right: number[]): number {
  return left.reduce((sum, value, position) => sum + value * right[position], 0)
}

const films = { sunset: await embed({ video: frames(sunset) }), forest: await embed({ video: frames(forest) }) }
const queries: [words: string, content: Content, expected: string][] = [
  ['a still of the forest', { image: dataUri(forest(0.33)) }, 'forest'],
  ['a still of the sunset', { image: dataUri(sunset(0.77)) }, 'sunset'],
  ['a sunset', { text: 'a sunset' }, 'sunset'],
  ['绿色的树林', { text: '绿色的树林' }, 'forest'],
]
for (const [words, content, expected] of queries) {
  const query = await embed(content)
  const scores = Object.entries(films).map(([name, vector]) => ({ name, score: cosine(query, vector) }))
  console.log(`${words}: ${scores.map(({ name, score }) => `${name} ${score.toFixed(3)}`).join(', ')}`)
  const [best] = scores.sort((left, right) => right.score - left.score)
  if (best.name !== expected) throw new Error(`expected the ${expected} for: ${words}`)
}
