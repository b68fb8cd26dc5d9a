/**
 * Write OpenAI's file `cl100k_base.tiktoken` to stdout, from the server's own copy of that vocabulary, so that tiktoken
 * needs no network: it takes the file from TIKTOKEN_CACHE_DIR, and only when every byte is right.
 */
import { loadVocabulary } from '../../../packages/server/dist/embedding/vocabulary.js'

const vocabulary = await loadVocabulary('cl100k_base')
const lines = []
for (let id = 0, token = vocabulary.findToken(0); token !== undefined; token = vocabulary.findToken(++id)) {
  lines.push(`${token.toString('base64')} ${id}\n`)
}
process.stdout.write(lines.join(''))
