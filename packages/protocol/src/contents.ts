import { isListOf, isObject, isString, jsonList, jsonText } from './list-of.js'
import type { InputPart } from './multimodal-request.js'

/** One input as the wire has it: a text, or an object with a key for each thing it is made of. */
export type Content = string | ContentObject

/** `null` means «not given». Further keys, such as the `factor` of an older model, are passed over. */
export interface ContentObject {
  text?: string | null
  image?: string | string[] | null
  multi_images?: string[] | null
  video?: string | string[] | null
}

const isTexts = isListOf(isString)
const isSource = (value: unknown) => isString(value) || isTexts(value)
const CHECKS: Readonly<Record<keyof ContentObject, (value: unknown) => boolean>> = {
  text: isString,
  image: isSource,
  multi_images: isTexts,
  video: isSource,
}

/** Whether it is an object with at least one known key, and every known key of its type. */
export function isContentObject(value: unknown): value is ContentObject {
  if (!isObject(value) || Array.isArray(value)) return false
  const given = Object.entries(CHECKS).filter(([key]) => Reflect.get(value, key) != null)
  return given.length > 0 && given.every(([key, isRight]) => isRight(Reflect.get(value, key)))
}

export const isContent = (value: unknown): value is Content => isString(value) || isContentObject(value)

/** What is wrong with a value that is no content, for «expected …». */
export const CONTENT_FORM = 'a text, or an object with text, image, multi_images or video'

const jsonSource = { anyOf: [jsonText, jsonList(jsonText)] }
/** JSON Schema of {@link ContentObject}. */
export const jsonContentObject = {
  type: 'object',
  properties: { text: jsonText, image: jsonSource, multi_images: jsonList(jsonText), video: jsonSource },
}

/** The parts of an input. A list under `image` is what a list under `multi_images` is. */
export function partsOf(content: Content, field: string): InputPart[] {
  if (typeof content === 'string') return [{ kind: 'text', text: content, field }]
  const { text, image, multi_images: several, video } = content
  const parts: InputPart[] = []
  if (text != null) parts.push({ kind: 'text', text, field: `${field}.text` })
  if (typeof image === 'string') parts.push({ kind: 'image', source: image, field: `${field}.image` })
  else if (image != null) parts.push({ kind: 'multi_images', sources: image, field: `${field}.image` })
  if (several != null) parts.push({ kind: 'multi_images', sources: several, field: `${field}.multi_images` })
  if (video != null) parts.push({ kind: 'video', source: video, field: `${field}.video` })
  return parts
}
