/** Texts that travel in one request. */
export interface Group {
  /** Position of the first one in the call, from 0. */
  offset: number
  texts: string[]
}

/** Split texts into groups of `size`, the last one smaller; reads its source no further than it is asked to. */
export async function* groups(texts: Iterable<string> | AsyncIterable<string>, size: number): AsyncGenerator<Group> {
  let group: Group = { offset: 0, texts: [] }
  for await (const text of texts) {
    group.texts.push(text)
    if (group.texts.length < size) continue
    yield group
    group = { offset: group.offset + size, texts: [] }
  }
  if (group.texts.length > 0) yield group
}
