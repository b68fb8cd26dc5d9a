import type { FastifyRequest } from 'fastify'

/** Where clients reach this server: as the operator says, else as this request did. Without a slash at the end. */
export function baseUrlOf(request: FastifyRequest, publicUrl: string | undefined): string {
  return publicUrl ?? `${request.protocol}://${request.host}`
}
