import { ApiError } from '@quiver/protocol'
import sharp from 'sharp'
import { afterEach, expect, test } from 'vitest'
import { createKeyring } from '../admission/api-key.js'
import { Catalog, OWN_MODELS } from '../catalog/catalog.js'
import { MULTIMODAL_EMBEDDING } from '../catalog/multimodal-embedding.js'
import { servedBy } from '../catalog/multimodal-model.js'
import { Batcher } from '../embedding/batcher.js'
import { createDetokenize } from '../embedding/detokenize.js'
import { loadVocabulary } from '../embedding/vocabulary.js'
import { FAKE_DIMENSION, fakeMultimodalEngine } from '../engines/fake-multimodal-engine.test.support.js'
import type { ResolveUserUrl } from '../files/resolve-user-url.js'
import { decodeImage } from '../media/decode-image.js'
import { createEmbedContents } from '../multimodal/embed-contents.js'
import { withPasses } from '../multimodal/passes.js'
import { createReadMedia } from '../multimodal/read-media.js'
import { createLog } from '../telemetry/log.js'
import { createMetrics } from '../telemetry/metrics.js'
import type { Charge } from '../usage/ledger.js'
import { createApp } from './app.js'
import type { Services } from './endpoint.js'
import { endpointsOf } from './endpoints.js'

const NATIVE = '/api/v1/services/embeddings/multimodal-embedding/multimodal-embedding'
const TEXT = '/api/v1/services/embeddings/text-embedding/text-embedding'
const OPENAI = '/v1/embeddings'
const V1 = 'multimodal-embedding-v1'
const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()))
})

const png = (red: number) =>
  sharp({ create: { width: 2, height: 2, channels: 3, background: { r: red, g: 0, b: 0 } } })
    .png()
    .toBuffer()
const dataUri = async (red: number) => `data:image/png;base64,${(await png(red)).toString('base64')}`

/** `https://files.test/red/7.png` is a red picture; nothing else is there. */
const resolveUserUrl: ResolveUserUrl = async (url, { model, isOssAllowed, param }) => {
  const red =
    /^https:\/\/files\.test\/red\/(\d+)\.png$/.exec(url)?.[1] ??
    (isOssAllowed && url === `oss://${model}/9` ? '9' : undefined)
  if (red === undefined) throw new ApiError('invalid_url', 'Invalid URL provided in your request.', { param })
  const bytes = await png(Number(red))
  return {
    body: (async function* () {
      yield bytes
    })(),
    name: 'a.png',
    mediaType: 'image/png',
  }
}

function appWith({ dimension = FAKE_DIMENSION, maxMediaBodyBytes = 100_000 } = {}) {
  const vectors = { dimension, isMatryoshka: true }
  const catalog = new Catalog(
    OWN_MODELS,
    MULTIMODAL_EMBEDDING.map((model) => servedBy(model, vectors)),
  )
  const batched = withPasses(fakeMultimodalEngine())
  const running = { engine: batched, batcher: new Batcher(batched, { maxQueued: 100 }) }
  const readMedia = createReadMedia(
    {
      decodeImage: (bytes, { signal }) => decodeImage(bytes, { signal }),
      sampleFrames: async (bytes, { signal }) => ({ pictures: [await decodeImage(bytes, { signal })], duration: 1.5 }),
    },
    { room: 4 },
  )
  const metrics = createMetrics()
  const charges: Charge[] = []
  const services: Partial<Services> = {
    catalog,
    ledger: {
      record: async (charge) => void charges.push(charge),
      totalsOf: () => Promise.reject(new TypeError('nobody asks here')),
      close: async () => {},
    },
    embedContents: createEmbedContents({ findEngine: async () => running, readMedia }),
    resolveUserUrl,
    detokenize: createDetokenize(catalog, { loadVocabulary, maxTextBytes: 2000 }),
    keyring: createKeyring([]),
    metrics,
    isReady: () => true,
    isAutoSplit: false,
  }
  const app = createApp(endpointsOf({ version: '0', catalog, window: 4 }), {
    services: services as Services, // the others are no part of these tests; one that is used fails
    limits: { maxBodyBytes: 2000, maxMediaBodyBytes, requestTimeoutMs: 20_000 },
    log: createLog('silent'),
  })
  closers.push(() => app.close())
  const post = async (url: string, payload: object, headers: Record<string, string> = {}) => {
    const answer = await app.inject({
      method: 'POST',
      url,
      payload: JSON.stringify(payload),
      headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json', ...headers },
    })
    return { status: answer.statusCode, json: answer.json(), headers: answer.headers }
  }
  return { app, post, metrics, charges }
}

test('texts and pictures are charged at their own prices, before the answer', async () => {
  const { post, charges } = appWith()
  const contents = [{ text: '冬雪' }, { image: 'https://files.test/red/7.png' }]
  const { json } = await post(NATIVE, { model: V1, input: { contents }, parameters: {} })
  const { input_tokens, image_tokens } = json.usage
  const id = json.request_id
  expect(charges).toMatchObject([
    { id: `request:${id}:text`, reference: id, model: V1, inputs: 2, tokens: input_tokens },
    { id: `request:${id}:image`, reference: id, model: V1, inputs: 0, tokens: image_tokens },
  ])
  expect(charges.every(({ tokens, priceMicrosPer1kTokens }) => tokens > 0 && priceMicrosPer1kTokens > 0)).toBe(true)
})

test('a text, a picture and a video: a vector of each, in the words of the first model', async () => {
  const { post, metrics } = appWith()
  const contents = [{ text: '冬雪' }, { image: 'https://files.test/red/7.png' }, { video: await dataUri(3) }]
  const { status, json, headers } = await post(NATIVE, { model: V1, input: { contents }, parameters: {} })
  expect({ status, json }).toMatchObject({ status: 200 })
  expect(
    json.output.embeddings.map(({ index, type, embedding }: Record<string, number[]>) => [
      index,
      type,
      embedding?.length,
    ]),
  ).toEqual([
    [0, 'text', 1024],
    [1, 'image', 1024],
    [2, 'video', 1024],
  ])
  expect(json.usage).toEqual({ input_tokens: 2, image_tokens: 1792, image_count: 1, duration: 2 })
  expect(json.request_id).toBe(headers['x-request-id'])
  expect(headers['x-quiver-space']).toMatch(/^[0-9a-f]{16}$/)
  expect(await metrics.expose()).toContain(`quiver_inputs_total{model="${V1}"} 3`)
})

test('a picture is the same wherever it came from: URL, data URI, upload, base64', async () => {
  const { post } = appWith()
  const native = async (image: string, headers?: Record<string, string>) =>
    (await post(NATIVE, { model: V1, input: { contents: [{ image }] } }, headers)).json
  const expected = (await native('https://files.test/red/9.png')).output.embeddings
  expect((await native(await dataUri(9))).output.embeddings).toEqual(expected)
  const upload = await native(`oss://${V1}/9`, { 'X-DashScope-OssResourceResolve': 'enable' })
  expect(upload.output.embeddings).toEqual(expected)
  expect(await native(`oss://${V1}/9`)).toMatchObject({ code: 'InvalidURL' })
  const { json } = await post(OPENAI, { model: V1, input: [{ image: (await png(9)).toString('base64') }] })
  expect(json.data[0].embedding).toEqual(expected[0].embedding)
})

test.each([
  [
    'tongyi-embedding-vision-flash',
    {
      usage: {
        input_tokens: 404,
        input_tokens_details: { image_tokens: 402, text_tokens: 2 },
        output_tokens: 0,
        total_tokens: 404,
      },
      types: ['text', 'image'],
    },
  ],
  [
    'tongyi-embedding-vision-plus-2026-03-06',
    {
      usage: {
        input_tokens: 1028,
        input_tokens_details: { image_tokens: 1026, text_tokens: 2 },
        output_tokens: 0,
        total_tokens: 1028,
      },
      types: ['text', 'image'],
    },
  ],
  ['qwen3-vl-embedding', { usage: { input_tokens: 2, image_tokens: 402, total_tokens: 404 }, types: ['vl', 'vl'] }],
  ['qwen2.5-vl-embedding', { usage: { input_tokens: 2, image_tokens: 402 }, types: ['fusion'] }],
])('%s answers in its own words', async (model, { usage, types }) => {
  const { post } = appWith({ dimension: 1024 })
  const contents = [{ text: 'ab' }, { image: 'https://files.test/red/7.png' }]
  const { json } = await post(NATIVE, { model, input: { contents }, parameters: { dimension: 512, res_level: 3 } })
  expect(json.usage).toEqual(usage)
  expect(json.output.embeddings.map(({ type }: { type: string }) => type)).toEqual(types)
})

test('one vector of all, when the model can be asked', async () => {
  const { post } = appWith({ dimension: 1024 })
  const contents = [{ text: 'ab' }, { image: 'https://files.test/red/7.png' }]
  const parameters = { dimension: 512, enable_fusion: true }
  const { json } = await post(NATIVE, { model: 'qwen3-vl-embedding', input: { contents }, parameters })
  expect(json.output.embeddings).toMatchObject([{ index: 0, type: 'fusion' }])
  const { json: refused } = await post(NATIVE, { model: V1, input: { contents }, parameters })
  expect(refused).toMatchObject({
    code: 'InvalidParameter',
    message: expect.stringContaining('parameters.enable_fusion'),
  })
})

const image = 'https://files.test/red/7.png'
test.each([
  ['no contents', { contents: [] }, {}, 'BadRequest.EmptyInput', 'input.contents'],
  ['two pictures', { contents: [{ image }, { image }] }, {}, 'InvalidParameter', 'takes 1 in a request'],
  [
    'a list of pictures',
    { contents: [{ multi_images: [image] }] },
    {},
    'InvalidParameter',
    'input.contents[0].multi_images',
  ],
  ['a sound', { contents: [{ audio: image }] }, {}, 'InvalidParameter', 'input.contents[0] must be'],
  ['a number', { contents: ['a', 7] }, {}, 'InvalidParameter', 'input.contents[1] must be'],
  [
    'an empty text',
    { contents: [{ text: '' }] },
    {},
    'InvalidParameter',
    'Range of input length should be [1, 512]: input.contents[0].text',
  ],
  [
    'a URL of nothing',
    { contents: [{ text: 'a' }, { image: 'nothing' }] },
    {},
    'InvalidURL',
    '(input.contents[1].image)',
  ],
  [
    'what is no picture',
    { contents: [{ image: 'data:image/png;base64,aGVsbG8=' }] },
    {},
    'InvalidParameter.DataInspection',
    '(input.contents[0].image)',
  ],
  [
    'a data URI without base64',
    { contents: [{ image: 'data:text/plain,hello' }] },
    {},
    'InvalidParameter.DataInspection',
    'must be base64',
  ],
  ['fps', { contents: ['a'] }, { fps: 2 }, 'InvalidParameter', 'parameters.fps must be a number from 0 to 1, got 2'],
  ['frames', { contents: ['a'] }, { max_video_frames: 65 }, 'InvalidParameter', 'parameters.max_video_frames'],
])('%s is refused, and the message says where', async (_what, input, parameters, code, words) => {
  const { status, json } = await appWith().post(NATIVE, { model: V1, input, parameters })
  expect(status).toBe(400)
  expect(json.code).toBe(code)
  expect(json.message).toContain(words)
})

test('a dimension that the engine has not is refused with those that it has; never padded', async () => {
  const { post } = appWith({ dimension: 1024 })
  const ask = async (model: string, parameters = {}) =>
    (await post(NATIVE, { model, input: { contents: ['a'] }, parameters })).json
  expect(await ask('tongyi-embedding-vision-plus')).toMatchObject({
    code: 'InvalidParameter',
    message: expect.stringContaining(
      'is 1152; builtin-image, which serves it here, offers only [64, 128, 256, 512, 1024]',
    ),
  })
  expect((await ask('tongyi-embedding-vision-plus', { dimension: 8 })).code).toBe('InvalidParameter')
  expect((await ask(V1, { dimension: 7 })).output.embeddings[0].embedding).toHaveLength(1024)
})

test('a model on the endpoint of another kind is told so in the words of the service', async () => {
  const { post } = appWith()
  const words = { code: 'InvalidParameter', message: expect.stringMatching(/^url error, please check url！/) }
  const texts = await post(TEXT, { model: V1, input: { texts: ['a'] } })
  expect(texts).toMatchObject({ status: 400, json: words })
  const contents = await post(NATIVE, { model: 'text-embedding-v4', input: { contents: ['a'] } })
  expect(contents).toMatchObject({ status: 400, json: words })
  const unknown = await post(NATIVE, { model: 'nobody', input: { contents: ['a'] } })
  expect(unknown).toMatchObject({ status: 400, json: { code: 'InvalidParameter', message: 'Model not exist.' } })
})

test("Jina's inputs: more of a kind than the native endpoint takes, tokens together, base64 if asked", async () => {
  const { post } = appWith()
  const input = ['ab', { text: 'c' }, { image }, { image: 'https://files.test/red/8.png' }]
  const { status, json } = await post(OPENAI, { model: V1, input, embedding_type: 'base64' })
  expect(status).toBe(200)
  expect(json.usage).toEqual({ prompt_tokens: 1795, total_tokens: 1795 })
  expect(json.data.map(({ embedding }: { embedding: string }) => Buffer.from(embedding, 'base64').length)).toEqual([
    4096, 4096, 4096, 4096,
  ])
  const failed = await post(OPENAI, { model: V1, input: ['a', { image: 'nothing' }] })
  expect(failed).toMatchObject({ status: 400, json: { error: { code: 'invalid_url', param: 'input[1].image' } } })
  expect(await post(OPENAI, { model: V1, input: [[1, 2]] })).toMatchObject({ status: 400 })
  expect(await post(OPENAI, { model: V1, input: 'a', normalized: false })).toMatchObject({
    status: 400,
    json: { error: { param: 'normalized' } },
  })
})

test('a model of texts refuses pictures as it refuses all that is no text', async () => {
  const { status, json } = await appWith().post(OPENAI, { model: 'text-embedding-v4', input: [{ image }] })
  expect(status).toBe(400)
  expect(json.error.message).toContain('contents is neither str nor list of str')
})

test('what was cut is said', async () => {
  const { post } = appWith()
  const { headers, json } = await post(NATIVE, {
    model: V1,
    input: { contents: [{ image }, { text: 'x'.repeat(600) }] },
  })
  expect(headers['x-quiver-truncated']).toBe('1')
  expect(json.usage.input_tokens).toBe(512)
})

test('bodies with pictures may be larger than others, up to a limit of their own', async () => {
  const { post } = appWith({ maxMediaBodyBytes: 4000 })
  const contents = [{ text: 'x'.repeat(3000) }]
  expect((await post(NATIVE, { model: V1, input: { contents } })).status).toBe(200)
  const { status, json } = await post(NATIVE, { model: V1, input: { contents: [{ text: 'x'.repeat(5000) }] } })
  expect({ status, message: json.message }).toEqual({
    status: 413,
    message: expect.stringContaining('may have 4000 bytes'),
  })
  expect((await post(OPENAI, { model: V1, input: 'x'.repeat(3000) })).status).toBe(413)
})

test('every list of models has them', async () => {
  const { app } = appWith()
  const get = async (url: string) => (await app.inject({ url, headers: { authorization: 'Bearer x' } })).json()
  const { data } = await get('/v1/models')
  expect(data.find(({ id }: { id: string }) => id === V1).quiver).toMatchObject({
    kinds: ['text', 'image', 'video'],
    maxInputs: 3,
    maxCompatibleInputs: 64,
  })
  expect(await get(`/v1/models/${V1}`)).toMatchObject({ id: V1, object: 'model' })
  expect((await get(`/api/v1/models?model=${V1}`)).output.models).toHaveLength(1)
})
