/** Pictures that are there twice: copies that were made smaller or brighter have nearly the same vector. */
import { crc32, deflateSync } from 'node:zlib'

const baseUrl = process.env.OPENAI_BASE_URL ?? 'http://127.0.0.1:8790/compatible-mode/v1'

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

const sunset: Scene = (x, y) => {
  if ((x - 0.5) ** 2 + (y - 0.45) ** 2 < 0.02) return [255, 240, 120]
  return y > 0.6 ? [90 - 60 * y, 70 - 40 * y, 140 - 60 * y] : [255 - 60 * y, 180 - 130 * y, 60 + 60 * y]
}
const brighter: Scene = (x, y) => sunset(x, y).map((value) => 1.1 * value) as Colour // as many as there were
const forest: Scene = (x, y) =>
  Math.sin(40 * x) > 0.4 && y > 0.3 ? [70, 45, 25] : [30 + 30 * y, 110 - 50 * y, 40 + 10 * x]
const chessBoard: Scene = (x, y) => ((Math.floor(8 * x) + Math.floor(8 * y)) % 2 === 0 ? [240, 217, 181] : [60, 40, 30])

const pictures: Record<string, Buffer> = {
  'sunset.png': png(sunset, 256),
  'forest.png': png(forest, 256),
  'sunset-small.png': png(sunset, 160),
  'chess-board.png': png(chessBoard, 256),
  'sunset-brighter.png': png(brighter, 256),
}

/** In one request: the OpenAI-compatible endpoint takes pictures as Jina's clients send them. */
async function embed(images: Buffer[]): Promise<number[][]> {
  const response = await fetch(`${baseUrl}/embeddings`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${process.env.OPENAI_API_KEY ?? 'any'}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      model: 'multimodal-embedding-v1',
      input: images.map((image) => ({ image: image.toString('base64') })),
    }),
  })
  if (!response.ok) throw new Error(await response.text())
  const { data } = (await response.json()) as { data: { embedding: number[] }[] }
  return data.map(({ embedding }) => embedding)
}

/** The vectors have unit length, so their dot product is their cosine. */
function cosine(left: number[], right: number[]): number {
  return left.reduce((sum, value, position) => sum + value * right[position], 0)
}

const names = Object.keys(pictures)
const vectors = await embed(Object.values(pictures))
const duplicates = new Set<string>()
for (let i = 0; i < names.length; i++) {
  for (let j = 0; j < i; j++) {
    const score = cosine(vectors[i], vectors[j])
    const isDuplicate = score > 0.9
    console.log(`${score.toFixed(3)}  ${names[j]}  ${names[i]}${isDuplicate ? '  the same' : ''}`)
    if (isDuplicate) duplicates.add(names[i]).add(names[j])
  }
}

const found = [...duplicates].sort().join(' ')
if (found !== 'sunset-brighter.png sunset-small.png sunset.png') {
  throw new Error(`expected the three sunsets, got: ${found}`)
}
