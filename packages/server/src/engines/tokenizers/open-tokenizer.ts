import { BertWordPiece } from './bert-word-piece.js'
import { ByteLevelBpe } from './byte-level-bpe.js'
import type { AddedToken, CompiledModel, CompiledTokenizer } from './compile-tokenizer.js'
import { frameOf } from './frame.js'
import { LibraryModel } from './library-model.js'
import { MetaspaceUnigram } from './metaspace-unigram.js'
import { createNormalizer, toRegExp } from './normalizer.js'
import { type TextTable, textAt } from './shared-tables.js'
import { TextTokenizer } from './text-tokenizer.js'
import { type Tokenizer, TokenizerError, type TokenModel } from './tokenizer.js'

/** The pattern that a ByteLevel pre-tokenizer has built in: GPT-2's. */
const GPT2_PATTERN = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu

/** @throws {TokenizerError} naming the field that asks for what is not implemented. */
export function openTokenizer({ model, added, normalizer, processor, vocabulary }: CompiledTokenizer): Tokenizer {
  const special = added.filter((token) => token.special)
  const algorithm = openModel(model, { added, normalizer })
  return new TextTokenizer({
    model: withNames(algorithm, special),
    vocabulary,
    special: new Map(special.map(({ id, content: name }) => [id, name])),
    frame: frameOf(processor),
    hasPlaces: model.kind !== 'other',
    added: model.kind === 'byte-level' || model.kind === 'other' ? plainTokens(added) : new Map(),
  })
}

function openModel(model: CompiledModel, file: Pick<CompiledTokenizer, 'added' | 'normalizer'>): TokenModel {
  switch (model.kind) {
    case 'word-piece': {
      const { kind: _, pieces, ...options } = model
      return new BertWordPiece({ ...options, vocabulary: idsOf(pieces) })
    }
    case 'unigram':
      return new MetaspaceUnigram({ ...model, normalizer: createNormalizer(file.normalizer) })
    case 'byte-level':
      return new ByteLevelBpe({
        tables: model.tables,
        normalizer: createNormalizer(file.normalizer),
        pattern: model.pattern === undefined ? GPT2_PATTERN : toRegExp(model.pattern),
        isSpaceAdded: model.isSpaceAdded,
        added: new Map(file.added.map(({ id, content }) => [id, content])),
      })
    case 'other':
      return new LibraryModel(model.content)
  }
}

function idsOf(pieces: TextTable): Map<string, number> {
  const ids = new Map<string, number>()
  for (let id = 0; id < pieces.starts.length - 1; id++) {
    const piece = textAt(pieces, id)
    if (piece !== undefined) ids.set(piece, id)
  }
  return ids
}

/** Added tokens that are no special ones: a text that spells one means it. */
function plainTokens(added: readonly AddedToken[]): Map<string, number> {
  const plain = added.filter((token) => !token.special)
  const odd = plain.find((token) => token.single_word || token.lstrip || token.rstrip)
  if (odd !== undefined)
    throw new TokenizerError(`added_tokens: ${odd.content} takes what stands beside it, which is not implemented.`)
  return new Map(plain.map(({ id, content }) => [content, id]))
}

/** Special tokens are read by their names. */
function withNames(model: TokenModel, special: readonly AddedToken[]): TokenModel {
  const names = new Map(special.map(({ id, content }) => [id, content]))
  return {
    encode: (stretch, isStart, ids) => model.encode(stretch, isStart, ids),
    locate: (stretch, isStart) => model.locate(stretch, isStart),
    tokenText: (id) => names.get(id) ?? model.tokenText(id),
    decode(ids) {
      let text = ''
      let run: number[] = []
      for (const id of ids) {
        const name = names.get(id)
        if (name === undefined) {
          run.push(id)
          continue
        }
        text += model.decode(run) + name
        run = []
      }
      return text + model.decode(run)
    },
  }
}
