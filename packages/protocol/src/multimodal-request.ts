/** A picture or video: a URL, a data URI, base64 as such, or the bytes themselves (which no wire carries). */
export type MediaSource = string | Uint8Array

/** One file, not a list of frames. */
export const isMediaSource = (source: MediaSource | readonly MediaSource[]): source is MediaSource =>
  typeof source === 'string' || source instanceof Uint8Array

/** One thing of an input, and the field it came in, so that an error can name it. */
export type InputPart =
  | { kind: 'text'; text: string; field: string }
  | { kind: 'image'; source: MediaSource; field: string }
  /** Several pictures of one thing: one vector. */
  | { kind: 'multi_images'; sources: readonly MediaSource[]; field: string }
  /** A file, or its frames as pictures. */
  | { kind: 'video'; source: MediaSource | readonly MediaSource[]; field: string }

/** What an input can be made of, in the words of the wire. */
export type InputKind = InputPart['kind']

/**
 * The neutral form of a request for vectors of texts, pictures and videos: what every dialect decodes to. Nothing here is
 * checked against a model yet; the catalog does that (`catalog/check-multimodal.ts`).
 */
export interface MultimodalRequest {
  /** Public model id as the caller wrote it. */
  model: string
  /** In the caller's order; each has one part or more. Of several parts together one vector is made. */
  inputs: readonly (readonly InputPart[])[]
  /** Components wanted; absent means the model's default. */
  dimension?: number
  /** Whether all inputs together make one vector; absent means what the model does by itself. */
  isFused?: boolean
  /** Frames that are taken out of a second of video, at most; in [0, 1]. */
  fps?: number
  /** Frames that are taken out of a video, at most. */
  maxFrames?: number
  /** How closely pictures are looked at, 0 to 3, for the models that know levels. */
  resolutionLevel?: number
  /** What the caller calls these fields, so that an error can name them. */
  fields: Record<'inputs' | 'dimension' | 'isFused' | 'fps' | 'maxFrames' | 'resolutionLevel', string>
}
