import { z } from 'zod'

/** A string of standard base64. The brand tells it from other strings, so that {@link OnWire} can. */
export const Base64 = z.string().brand('base64')
export type Base64 = z.output<typeof Base64>

/**
 * A JSON answer as its encoder leaves it: where the answer has a list of numbers there may be a `Float32Array`, where
 * it has base64 there may be bytes. The server makes text of them while it writes the answer's bytes, so that no
 * vector is copied into an array or a string on its way.
 */
export type OnWire<Json> = Json extends Base64
  ? Json | Uint8Array
  : Json extends readonly number[]
    ? Json | Float32Array
    : Json extends readonly (infer Element)[]
      ? OnWire<Element>[]
      : Json extends object
        ? { [Key in keyof Json]: OnWire<Json[Key]> }
        : Json
