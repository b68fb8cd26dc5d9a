/** Ollama's Node.js client. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Ollama } from 'ollama'
import { KEY, MODEL, startServer, TOO_LONG } from './server.mjs'

let server
let keyed
let client
before(async () => {
  ;[server, keyed] = await Promise.all([startServer(), startServer(KEY)])
  client = new Ollama({ host: server.url })
})
after(() => Promise.all([server.stop(), keyed.stop()]))

test('embed: a text and a list', async () => {
  const one = await client.embed({ model: MODEL, input: 'hello' })
  assert.equal(one.model, MODEL)
  assert.ok(Math.abs(Math.hypot(...one.embeddings[0]) - 1) < 1e-3)
  const several = await client.embed({ model: MODEL, input: ['hello', 'world'], dimensions: 256 })
  assert.deepEqual(
    several.embeddings.map(({ length }) => length),
    [256, 256],
  )
  assert.ok(several.load_duration > 0 && several.load_duration < several.total_duration)
  assert.ok(several.prompt_eval_count > one.prompt_eval_count && one.prompt_eval_count > 0)
})

test('embed: the default tag is accepted', async () => {
  const [tagged, plain] = await Promise.all(
    [`${MODEL}:latest`, MODEL].map((model) => client.embed({ model, input: 'hello' })),
  )
  assert.deepEqual(tagged.embeddings, plain.embeddings)
})

test('embeddings: the older call has the same vector', async () => {
  const { embedding } = await client.embeddings({ model: MODEL, prompt: 'hello' })
  const { embeddings } = await client.embed({ model: MODEL, input: 'hello' })
  assert.deepEqual(embedding, embeddings[0])
})

test('a text that is too long is cut unless that is turned off', async () => {
  assert.equal((await client.embed({ model: MODEL, input: TOO_LONG })).prompt_eval_count, 8192)
  await assert.rejects(client.embed({ model: MODEL, input: TOO_LONG, truncate: false }), { status_code: 400 })
})

test('list and show', async () => {
  const { models } = await client.list()
  assert.ok(models.find(({ model }) => model === `${MODEL}:latest`).size > 1e6)
  const shown = await client.show({ model: MODEL })
  assert.deepEqual(shown.capabilities, ['embedding'])
  assert.equal(shown.details.format, 'onnx')
})

test('version: one that this client understands', async () => {
  assert.match((await client.version()).version, /^\d+\.\d+\.\d+/)
})

test('an unknown model is a 404 with the name', async () => {
  await assert.rejects(client.embed({ model: 'none', input: 'hello' }), {
    name: 'ResponseError',
    status_code: 404,
    message: "model 'none' not found",
  })
})

test('a configured key is asked for', async () => {
  const withKey = (key) => new Ollama({ host: keyed.url, headers: { Authorization: `Bearer ${key}` } })
  assert.equal((await withKey(KEY).embed({ model: MODEL, input: 'hello' })).embeddings.length, 1)
  await assert.rejects(withKey('sk-wrong').embed({ model: MODEL, input: 'hello' }), { status_code: 401 })
})
