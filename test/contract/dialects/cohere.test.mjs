/** Cohere's Node.js client, `CohereClientV2`. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { CohereClientV2, CohereError } from 'cohere-ai'
import { KEY, MODEL, startServer, TOO_LONG } from './server.mjs'

const FORMS = ['float', 'base64', 'int8', 'uint8', 'binary', 'ubinary']

let server
let keyed
let client
before(async () => {
  ;[server, keyed] = await Promise.all([startServer(), startServer(KEY)])
  client = new CohereClientV2({ token: KEY, environment: server.url })
})
after(() => Promise.all([server.stop(), keyed.stop()]))

const embed = (options = {}, by = client) =>
  by.embed({ model: MODEL, inputType: 'search_document', texts: ['hello', 'world'], ...options }, { maxRetries: 0 })

test('floats are the default', async () => {
  const answer = await embed({ outputDimension: 256 })
  assert.deepEqual(
    answer.embeddings.float.map(({ length }) => length),
    [256, 256],
  )
  assert.equal(answer.embeddings.int8, undefined)
  assert.deepEqual(answer.texts, ['hello', 'world'])
  assert.ok(answer.meta.billedUnits.inputTokens > 0)
  assert.equal(answer.meta.apiVersion.version, '2')
})

test('all forms are of the same vector', async () => {
  const { embeddings } = await embed({ embeddingTypes: FORMS, outputDimension: 512 })
  embeddings.float.forEach((floats, i) => {
    const bytes = Buffer.from(embeddings.base64[i], 'base64')
    assert.deepEqual(
      floats.map(Math.fround),
      floats.map((_, component) => bytes.readFloatLE(component * 4)),
    )
    const bits = floats.map((component) => Number(component > 0))
    assert.equal(embeddings.ubinary[i][0], Number.parseInt(bits.slice(0, 8).join(''), 2))
    assert.deepEqual(
      embeddings.binary[i],
      embeddings.ubinary[i].map((byte) => byte - 128),
    )
    assert.deepEqual(
      embeddings.uint8[i],
      embeddings.int8[i].map((byte) => byte + 128),
    )
  })
})

test('a query is not a document', async () => {
  const vectorOf = async (inputType) => (await embed({ texts: ['apple'], inputType })).embeddings.float[0]
  const document = await vectorOf('search_document')
  assert.notDeepEqual(await vectorOf('search_query'), document)
  assert.deepEqual(await vectorOf('clustering'), document)
})

test('inputs are the newer form of texts', async () => {
  const inputs = [{ content: [{ type: 'text', text: 'apple' }] }]
  const newer = await embed({ texts: undefined, inputs })
  assert.deepEqual(newer.embeddings.float, (await embed({ texts: ['apple'] })).embeddings.float)
})

test('a text that is too long is cut unless that is turned off', async () => {
  assert.equal((await embed({ texts: [TOO_LONG] })).meta.billedUnits.inputTokens, 8192)
  await assert.rejects(embed({ texts: [TOO_LONG], truncate: 'NONE' }), { statusCode: 400 })
})

test('errors have their status and the words of the live service', async () => {
  await assert.rejects(embed({ texts: Array(97).fill('a') }), (error) => {
    assert.ok(error instanceof CohereError)
    assert.equal(error.statusCode, 400)
    assert.equal(error.body.message, 'invalid request: total number of texts must be at most 96 - received 97')
    return true
  })
  await assert.rejects(embed({ model: 'none' }), { statusCode: 404 })
  await assert.rejects(embed({}, new CohereClientV2({ token: 'sk-wrong', environment: keyed.url })), {
    statusCode: 401,
  })
})
