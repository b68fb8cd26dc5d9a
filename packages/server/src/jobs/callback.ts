import { createHmac } from 'node:crypto'

/**
 * Headers that prove who sent a callback, as the Standard Webhooks specification has them: the HMAC-SHA-256 of
 * `id.timestamp.body`. Whoever receives it compares in constant time, and refuses old timestamps.
 */
export function signCallback(
  body: string,
  { id, at, secret }: { id: string; at: Date; secret: string | Uint8Array },
): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}
