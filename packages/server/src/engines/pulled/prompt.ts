import type { TextType } from '@quiver/protocol'
import type { Prompts } from '../../pull/pulled-model.js'

/** Units of a text's head that are tokenised behind the prompt; no word that matters is longer. */
const HEAD_UNITS = 256

/** What stands before a text; a task description changes the prompt of a query, where the model has a place for one. */
export function promptFor(prompts: Prompts, textType: TextType, task: string | undefined): string {
  if (textType !== 'query' || task === undefined || prompts.instruct === undefined) return prompts[textType]
  return prompts.instruct.replace('{task}', () => task)
}

/** How the ids of a text change when a prompt stands before it. */
export interface PromptJoint {
  /** In place of the prompt and of the text's first ids. */
  ids: readonly number[]
  /** How many of the text's own first ids are replaced. */
  replaced: number
  /** How many of `ids` are the prompt's. */
  promptLength: number
}

/**
 * Prompt and text are one text to a tokenizer, which may join the prompt's last character to the text's first word. Only
 * the beginning can change; so it is tokenised both ways, and what is equal from the end on is left alone.
 */
export function joinPrompt(prompt: string, text: string, idsOf: (text: string) => ArrayLike<number>): PromptJoint {
  if (prompt === '') return { ids: [], replaced: 0, promptLength: 0 }
  const head = text.slice(0, HEAD_UNITS)
  const alone = idsOf(head)
  const joined = idsOf(prompt + head)
  let equal = 0
  while (
    equal < alone.length &&
    equal < joined.length &&
    alone[alone.length - 1 - equal] === joined[joined.length - 1 - equal]
  ) {
    equal++
  }
  const ids = Array.from(joined).slice(0, joined.length - equal)
  const replaced = alone.length - equal
  // sentence-transformers counts the prompt's tokens by tokenising it alone.
  return { ids, replaced, promptLength: Math.min(idsOf(prompt).length, ids.length) }
}
