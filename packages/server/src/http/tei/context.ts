import type { tei } from '@quiver/protocol'
import type { Services } from '../endpoint.js'

/** What decoding needs to know beyond the request. */
export function contextOf({ defaultModel, inspect }: Services): tei.TeiContext {
  return {
    model: defaultModel.id,
    textOf: (ids, field) => inspect.decode(defaultModel, ids, { keepSpecial: false, field }),
  }
}
