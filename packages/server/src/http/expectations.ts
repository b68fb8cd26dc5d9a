import type { FastifyInstance } from 'fastify'

/** The `Expect` header, where what Node does by itself would not do. */
export function meetExpectations(
  app: FastifyInstance,
  limits: { maxBodyBytes: number; maxMediaBodyBytes: number },
): void {
  // Which endpoint it is for is not known yet; who sends too much to another is told so after it was sent.
  const maxBodyBytes = Math.max(limits.maxBodyBytes, limits.maxMediaBodyBytes)
  // Node would answer 417 without a body; an expectation that is not known may be ignored (RFC 9110 §10.1.1).
  app.server.on('checkExpectation', (request, response) => app.routing(request, response))
  // An answer that waits for those before it on its connection has no socket yet. «100 Continue» would be put between
  // its head and its body then; it may be left out (same section). Who announces too much is told so and sends nothing.
  app.server.on('checkContinue', (request, response) => {
    const isTooLarge = Number(request.headers['content-length']) > maxBodyBytes
    if (response.socket !== null && !isTooLarge) response.writeContinue()
    app.routing(request, response)
  })
}
