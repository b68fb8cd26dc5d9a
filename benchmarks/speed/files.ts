import { parseArgs } from 'node:util'
import { publish, toShort } from '../report.js'
import { type ServerProcess, startServer } from './server-process.js'

const MEGABYTE = 1024 * 1024
const SIZES_MB = [1, 100, 500]
const TOGETHER = [1, 4]
const SAMPLE_MS = 20
const HEADERS = { authorization: 'Bearer any' }
const BOUNDARY = 'bench-boundary'

interface Row {
  what: 'upload' | 'download'
  sizeMb: number
  together: number
  mbPerSecond: number
  cpuSecondsPerGb: number
  rssBeforeMb: number
  rssMostMb: number
}

/** Files through the server and back, and what that does to its memory; goal: nothing that grows with the file. */
export async function files(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...words], options: { largest: { type: 'string', default: '500' } } })
  const sizes = SIZES_MB.filter((size) => size <= Number(values.largest))
  const server = await startServer({ QUIVER_THREADS: '1' })
  const rows: Row[] = []
  try {
    await upload(server.url, 20) // code compiled, buffers there
    for (const together of TOGETHER) {
      for (const sizeMb of sizes) rows.push(...(await measure(server, sizeMb, together)))
    }
  } finally {
    await server.stop()
  }
  publish('Files through the server', {
    command: ['npm run bench -- files', ...words].join(' '),
    ...(words.length === 0 ? { file: 'files.md' } : {}),
    sections: [
      {
        title: 'Upload and download',
        notes: [
          'Through `POST /v1/files` and `GET …/content`, to and from a folder, the client on the same cores. Resident memory of the server sampled every 20 ms; what counts is how much it grows.',
        ],
        header: ['', 'MB', 'at once', 'MB/s', 'CPU-s/GB', 'RSS before, MB', 'most, MB', 'grows by, MB'],
        rows: rows.map(toCells),
      },
    ],
  })
}

function toCells(row: Row): string[] {
  return [
    row.what,
    String(row.sizeMb),
    String(row.together),
    toShort(row.mbPerSecond),
    toShort(row.cpuSecondsPerGb),
    row.rssBeforeMb.toFixed(0),
    row.rssMostMb.toFixed(0),
    (row.rssMostMb - row.rssBeforeMb).toFixed(0),
  ]
}

async function measure(server: ServerProcess, sizeMb: number, together: number): Promise<Row[]> {
  const lanes = Array.from({ length: together })
  let ids: string[] = []
  const up = await watch(server, async () => {
    ids = await Promise.all(lanes.map(() => upload(server.url, sizeMb)))
  })
  const down = await watch(server, async () => {
    await Promise.all(ids.map((id) => download(server.url, id)))
  })
  for (const id of ids) await fetch(`${server.url}/v1/files/${id}`, { method: 'DELETE', headers: HEADERS })
  const size = { sizeMb, together }
  const rates = ({ seconds, cpuSeconds }: Watched) => ({
    mbPerSecond: (sizeMb * together) / seconds,
    cpuSecondsPerGb: cpuSeconds / ((sizeMb * together) / 1024),
  })
  return [
    { what: 'upload', ...size, ...rates(up), rssBeforeMb: up.rssBeforeMb, rssMostMb: up.rssMostMb },
    { what: 'download', ...size, ...rates(down), rssBeforeMb: down.rssBeforeMb, rssMostMb: down.rssMostMb },
  ]
}

interface Watched {
  seconds: number
  cpuSeconds: number
  rssBeforeMb: number
  rssMostMb: number
}

async function watch(server: ServerProcess, work: () => Promise<void>): Promise<Watched> {
  const before = server.cost()
  let rssMostMb = before.rssMb
  const sampler = setInterval(() => {
    rssMostMb = Math.max(rssMostMb, server.cost().rssMb)
  }, SAMPLE_MS)
  const startedAt = performance.now()
  try {
    await work()
  } finally {
    clearInterval(sampler)
  }
  const after = server.cost()
  return {
    seconds: (performance.now() - startedAt) / 1000,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    rssBeforeMb: before.rssMb,
    rssMostMb: Math.max(rssMostMb, after.rssMb),
  }
}

async function upload(url: string, sizeMb: number): Promise<string> {
  const chunk = Buffer.alloc(MEGABYTE, '{"custom_id":"1","body":{"input":"风急天高"}}\n')
  const part = (head: string) => `--${BOUNDARY}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`
  async function* form() {
    yield Buffer.from(`${part('name="purpose"')}batch\r\n${part('name="file"; filename="a.jsonl"')}`)
    for (let megabyte = 0; megabyte < sizeMb; megabyte++) yield chunk
    yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`)
  }
  const response = await fetch(`${url}/v1/files`, {
    method: 'POST',
    headers: { ...HEADERS, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body: form(),
    duplex: 'half',
  })
  const { id, bytes } = (await response.json()) as { id: string; bytes: number } // the server's file object
  if (response.status !== 200 || bytes !== sizeMb * MEGABYTE) throw new Error(`the upload failed: ${response.status}`)
  return id
}

async function download(url: string, id: string): Promise<void> {
  const response = await fetch(`${url}/v1/files/${id}/content`, { headers: HEADERS })
  if (response.body === null) throw new Error('the download has no body')
  let bytes = 0
  for await (const chunk of response.body) bytes += (chunk as Uint8Array).length // a byte stream
  if (bytes !== Number(response.headers.get('content-length'))) throw new Error('the download is not whole')
}
