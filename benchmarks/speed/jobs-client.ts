import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 200
export const TASK_MODEL = 'text-embedding-async-v2'
const KEY = { authorization: 'Bearer bench' }

/** Uploads the lines and submits a task of them. @returns its id. */
export async function submitTask(url: string, text: string | Blob): Promise<string> {
  const body = {
    model: TASK_MODEL,
    input: { url: await upload(url, new Blob([text]), 'user_data', 'lines.txt') },
  }
  const path = '/api/v1/services/embeddings/text-embedding/text-embedding'
  return String((await json(`${url}${path}`, body, { 'x-dashscope-async': 'enable' })).output.task_id)
}

/** @throws when the task fails. */
export async function endOfTask(url: string, id: string): Promise<void> {
  for (;;) {
    const { output } = await json(`${url}/api/v1/tasks/${id}`)
    if (output.task_status === 'SUCCEEDED') return
    if (output.task_status === 'FAILED') throw new Error(JSON.stringify(output))
    await pause()
  }
}

/** A line of a batch file. */
export const lineOf = (i: number, input: string, more: object = {}) =>
  `${JSON.stringify({
    custom_id: String(i),
    method: 'POST',
    url: '/v1/embeddings',
    body: { model: 'text-embedding-v4', input, encoding_format: 'base64', ...more },
  })}\n`

export const batchFile = (texts: readonly string[]) => new Blob(texts.map((text, i) => lineOf(i, text)))

/** Uploads the file and waits until its batch is completed. */
export const runBatch = async (url: string, content: Blob) => endOfBatch(url, await upload(url, content, 'batch'))

/** @throws when the batch fails. */
export async function endOfBatch(url: string, file: string): Promise<void> {
  const body = { input_file_id: file, endpoint: '/v1/embeddings', completion_window: '24h' }
  let batch = await json(`${url}/v1/batches`, body)
  while (batch.status !== 'completed') {
    if (batch.status === 'failed') throw new Error(JSON.stringify(batch.errors))
    await pause()
    batch = await json(`${url}/v1/batches/${batch.id}`)
  }
}

/** @returns the id of the file. */
export async function upload(url: string, content: Blob, purpose: string, name = 'batch.jsonl'): Promise<string> {
  const form = new FormData()
  form.set('purpose', purpose)
  form.set('file', content, name)
  const answer = await fetch(`${url}/v1/files`, { method: 'POST', headers: KEY, body: form })
  const { id } = (await answer.json()) as { id: string } // the server's file object
  if (!answer.ok) throw new Error(`the upload failed: ${answer.status}`)
  return id
}

/** Between two looks at a job. */
export const pause = () => sleep(POLL_MS)

// biome-ignore lint/suspicious/noExplicitAny: answers of the server under test, whose shapes its own tests hold
export async function json(url: string, body?: object, headers: Record<string, string> = {}): Promise<any> {
  const answer = await fetch(url, {
    headers: { ...KEY, ...headers },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
  return answer.json()
}
