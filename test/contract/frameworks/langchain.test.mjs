/** LangChain.js: `OpenAIEmbeddings` sends texts, newlines replaced, in batches of its own. Needs QUIVER_TEST_URL. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OpenAIEmbeddings } from '@langchain/openai'

const baseURL = `${process.env.QUIVER_TEST_URL}/compatible-mode/v1`
const VERSES = ['风急天高猿啸哀', '渚清沙白鸟飞回', '无边落木萧萧下', '不尽长江滚滚来']

/** As users of DashScope's models configure it: batches of ten are the model's limit. */
const embeddings = (options = {}) =>
  new OpenAIEmbeddings({
    model: 'text-embedding-v4',
    apiKey: 'sk-test',
    batchSize: 10,
    maxRetries: 0,
    configuration: { baseURL },
    ...options,
  })

const cosine = (one, other) => {
  const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0)
  return dot(one, other) / Math.sqrt(dot(one, one) * dot(other, other))
}

test('a query is a vector of numbers, not an empty one', async () => {
  const vector = await embeddings().embedQuery('衣服的质量杠杠的')
  assert.equal(vector.length, 1024)
  assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-3)
})

test('documents keep their order over batches', async () => {
  const texts = Array.from({ length: 23 }, (_, number) => `${number}：${VERSES[number % 4]}`)
  const vectors = await embeddings().embedDocuments(texts)
  assert.equal(vectors.length, 23)
  const alone = await embeddings().embedQuery(texts[22])
  assert.ok(cosine(vectors[22], alone) > 0.999999)
})

test('dimensions are passed on', async () => {
  assert.equal((await embeddings({ dimensions: 256 }).embedQuery('你好')).length, 256)
})

test('hundreds of texts under a name of OpenAI, in the default batches', async () => {
  const many = embeddings({ model: 'text-embedding-3-small', dimensions: 64, batchSize: 512 })
  assert.equal((await many.embedDocuments(Array.from({ length: 300 }, (_, n) => `第${n}条`))).length, 300)
})

test('more texts than the model takes are an error that says how many it takes', async () => {
  await assert.rejects(embeddings({ batchSize: 512 }).embedDocuments(Array(11).fill('a')), (error) => {
    assert.equal(error.status, 400)
    assert.match(error.message, /should not be larger than 10/)
    return true
  })
})

test('an unknown model is an error with its code', async () => {
  await assert.rejects(embeddings({ model: 'text-embedding-v99' }).embedQuery('a'), (error) => {
    assert.deepEqual([error.status, error.code], [404, 'model_not_found'])
    return true
  })
})
