import { randomUUID } from 'node:crypto'
import multipart from '@fastify/multipart'
import { ApiError } from '@quiver/protocol'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Settings } from '../config.js'
import type { Logger } from '../telemetry/log.js'
import { authenticate } from './authenticate.js'
import { type BufferPool, createBufferPool } from './buffer-pool.js'
import { dialectOf } from './dialect-of.js'
import { encodeJson } from './encode-json.js'
import type { Endpoint, Services } from './endpoint.js'
import { meetExpectations } from './expectations.js'
import { linger } from './linger.js'
import { answerMalformedHttp, checkHost } from './malformed-http.js'
import { readJson } from './read-body.js'
import { FORM_LIMITS, readRest } from './read-form.js'
import { limitReceiving } from './receive-limits.js'
import { isClientGone, requestSignal } from './request-signal.js'
import { sendError, toApiError } from './send-error.js'

export type HttpLimits = Pick<Settings, 'maxBodyBytes' | 'maxMediaBodyBytes' | 'requestTimeoutMs'>

/** An upload or a download may take this long as a whole. */
const TRANSFER_TIMEOUT_MS = 3_600_000
/** Longer than the idle timeout of common proxies (60 s), so that the server never closes a connection they reuse. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000

/** The HTTP side as a whole: every endpoint routed, every error in its dialect. Not listening yet. */
export function createApp(
  endpoints: readonly Endpoint[],
  { services, limits, log }: { services: Services; limits: HttpLimits; log: Logger },
): FastifyInstance {
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    if (isClientGone(error, request.raw)) return reply.hijack()
    if (request.raw.complete === false) linger(request.raw) // injected requests, which have no connection, do not say
    reply.header('x-request-id', request.id)
    const maxBodyBytes = request.routeOptions.bodyLimit ?? limits.maxBodyBytes
    return sendError(toApiError(error, { maxBodyBytes, bodyBytes: request.headers['content-length'] }), {
      reply,
      requestId: request.id,
      dialect: request.routeOptions.config.dialect ?? dialectOf(request.url),
      log,
    })
  }
  const app = fastify({
    bodyLimit: limits.maxBodyBytes,
    requestTimeout: TRANSFER_TIMEOUT_MS, // receive-limits.ts has shorter ones for what is no upload
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    http: { requireHostHeader: false }, // Node would answer without a body; checkHost does it in our words
    genReqId: () => randomUUID(),
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
    clientErrorHandler: answerMalformedHttp,
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
  })
  const pool = createBufferPool()
  meetExpectations(app, limits)
  app.decorateRequest('caller', undefined)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  // Hooks call back instead of returning promises: every request passes all of them.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    checkHost(request.raw)
    // The content type is not asked (read-body.ts), so one that is malformed must not be refused either.
    if (request.mediaType === undefined) delete request.headers['content-type']
    done()
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // While draining, clients with connection pools must not keep the server open.
    if (!services.isReady()) reply.header('connection', 'close')
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request
    const { statusCode: status, elapsedTime: ms } = reply
    const route = routeOptions.url ?? 'unknown route'
    services.metrics.request({ method, route, status }, ms / 1000)
    log.info({ requestId: request.id, keyId: request.caller?.keyId, method, path: route, status, ms })
    done()
  })

  app.setErrorHandler(fail)
  app.setNotFoundHandler((request, reply) => fail(unroutable(app, request), request, reply))

  const route = (scope: FastifyInstance, endpoint: Endpoint) => {
    for (const url of endpoint.paths) {
      scope.route({
        method: endpoint.method,
        url,
        config: { dialect: endpoint.dialect },
        bodyLimit: endpoint.hasMedia ? Math.max(limits.maxBodyBytes, limits.maxMediaBodyBytes) : limits.maxBodyBytes,
        // Before the body is read: a stranger cannot make the server buffer anything.
        onRequest: (request, reply, done) => {
          limitReceiving(request.raw, reply.raw, endpoint)
          if (!endpoint.isPublic) request.caller = authenticate(request.headers, services.keyring, endpoint.dialect)
          done()
        },
        handler: (request, reply) => handle(endpoint, { request, reply, services, limits, pool }),
      })
    }
  }
  for (const endpoint of endpoints) if (endpoint.form === undefined) route(app, endpoint)
  // Forms with files are not buffered: their handlers read them while they arrive.
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    await scope.register(multipart, { limits: FORM_LIMITS })
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
    scope.addHook('onResponse', (request, _reply, done) => {
      readRest(request.raw)
      done()
    })
    for (const endpoint of endpoints) if (endpoint.form !== undefined) route(scope, endpoint)
  })
  return app
}

/** What every endpoint has in common: body, deadline, and the bytes of an answer that is no text. */
async function handle(
  endpoint: Endpoint,
  {
    request,
    reply,
    services,
    limits,
    pool,
  }: { request: FastifyRequest; reply: FastifyReply; services: Services; limits: HttpLimits; pool: BufferPool },
): Promise<unknown> {
  const timeoutMs = endpoint.form || endpoint.isBytes ? TRANSFER_TIMEOUT_MS : limits.requestTimeoutMs
  const answer = await endpoint.handle({
    services,
    request,
    reply,
    requestId: request.id,
    body: endpoint.body === undefined ? undefined : readBody(request),
    signal: requestSignal(request.raw, reply.raw, timeoutMs),
  })
  if (endpoint.isBytes || typeof answer !== 'object') return answer
  reply.header('content-type', 'application/json; charset=utf-8')
  return encodeJson(answer, (bytes) => {
    const buffer = pool.take(bytes)
    // Comes when the last byte has been handed to the system, or nothing more will be sent.
    reply.raw.once('close', () => pool.giveBack(buffer))
    return buffer
  })
}

function readBody(request: FastifyRequest): unknown {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    throw new ApiError(
      'unsupported_encoding',
      `Content-Encoding ${encoding.slice(0, 40)} is not supported; send identity.`,
    )
  }
  return readJson(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0))
}

function unroutable(app: FastifyInstance, request: FastifyRequest): ApiError {
  const path = request.url.split('?')[0] ?? ''
  const allowed = (['GET', 'POST', 'DELETE'] as const).filter((method) => app.findRoute({ method, url: path }) !== null)
  if (allowed.length === 0) return new ApiError('not_found', 'Not found!')
  return new ApiError('method_not_allowed', `${request.method} is not allowed here; use ${allowed.join(' or ')}.`)
}
