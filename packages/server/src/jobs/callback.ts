import { createHmac, hkdfSync } from 'node:crypto'

/** Before a secret of the Standard Webhooks, which is the base64 of the key. */
const PREFIX = 'whsec_'
const KEY_BYTES = 32

/** Whether a text that begins like a secret of the Standard Webhooks is one: of 24 to 64 bytes. Other texts are as they are. */
export function isCallbackSecret(text: string): boolean {
  if (!text.startsWith(PREFIX)) return true
  const bytes = Buffer.from(text.slice(PREFIX.length), 'base64')
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === text.slice(PREFIX.length)
}

/** The key that a secret stands for, as the libraries for Standard Webhooks read it; any other text is its own bytes. */
export function callbackKeyOf(secret: string): Uint8Array {
  return secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret)
}

/** A secret for callbacks made of the server's own, which it does not give away. */
export function deriveCallbackSecret(secret: Uint8Array): string {
  const key = hkdfSync('sha256', secret, '', 'quiver callbacks', KEY_BYTES)
  return `${PREFIX}${Buffer.from(key).toString('base64')}`
}

/**
 * Headers that prove who sent a callback, as the Standard Webhooks specification has them: the HMAC-SHA-256 of
 * `id.timestamp.body`. Whoever receives it compares in constant time, and refuses old timestamps.
 */
export function signCallback(
  body: string,
  { id, at, key }: { id: string; at: Date; key: Uint8Array },
): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}
