import type { MultimodalModel } from '../catalog/multimodal-model.js'
import type { TextModel } from '../catalog/text-model.js'

/** What a caller should know beyond the shapes; the head of `/docs`, in Markdown. */
export function guideOf(
  models: readonly TextModel[],
  { window, multimodal }: { window: number; multimodal: readonly MultimodalModel[] },
): string {
  const after = AFTER.replace('{choices}', choicesOf(models)).replace('{window}', String(window))
  return `${BEFORE}\n\n${tableOf(models)}\n\n${after}\n\n${picturesOf(multimodal)}`
}

/** What there is to say of models that see; nothing where there are none. */
function picturesOf(models: readonly MultimodalModel[]): string {
  if (models.length === 0) return ''
  const rows = models.map(({ id, dimensions, defaultDimension, kinds, maxInputs, maxTextTokens, engine }) => {
    const offered = dimensions.map((dimension) => (dimension === defaultDimension ? `**${dimension}**` : dimension))
    const tokens = maxTextTokens.toLocaleString('en-US')
    return `| \`${id}\` | ${offered.join(' ')} | ${maxInputs} | ${kinds.join(', ')} | ${tokens} | \`${engine}\` |`
  })
  const table = [
    '| model | dimensions (**default**) | inputs | of | tokens a text | served by |',
    '|---|---|--:|---|--:|---|',
    ...rows,
  ]
  const padded = models.flatMap(({ id, paddedFrom, defaultDimension }) =>
    paddedFrom === undefined
      ? []
      : [
          `Of the ${defaultDimension} components of \`${id}\` the model behind it computes ${paddedFrom}; the others are zeros, which change no cosine.`,
        ],
  )
  return [table.join('\n'), PICTURES, ...padded].join('\n\n')
}

const PICTURES = `
**Pictures and videos.** Texts, pictures and videos of one of these models are in one space. Where no default is shown, the model's
own is more than the engine computes: ask for one of the dimensions. Several keys in one object, the frames of a video and the
pictures of a list become one vector: the mean of their unit vectors, brought to unit length. A text above the limit is cut, and
\`x-quiver-truncated\` says so. Cosines of texts with pictures are lower than those of pictures with pictures.
`.trim()

function tableOf(models: readonly TextModel[]): string {
  const rows = models.map(({ id, dimensions, defaultDimension, maxInputs, maxInputTokens, outputs }) => {
    const offered = dimensions.map((dimension) => (dimension === defaultDimension ? `**${dimension}**` : dimension))
    return `| \`${id}\` | ${offered.join(' ')} | ${maxInputs} | ${maxInputTokens.toLocaleString('en-US')} | ${outputs.join(', ')} |`
  })
  return [
    '| model | dimensions (**default**) | texts | tokens a text | output |',
    '|---|---|--:|--:|---|',
    ...rows,
  ].join('\n')
}

/** What models other than those whose dimensions are listed make of a request for one. */
const CHOICES: readonly [TextModel['dimensionChoice'], meaning: string][] = [
  ['ignored', 'Ignore a requested dimension, as the original service does'],
  ['any', 'Take any number of components up to the largest shown'],
  ['refused', 'Refuse a requested dimension'],
]

function choicesOf(models: readonly TextModel[]): string {
  const sentences = CHOICES.flatMap(([choice, meaning]) => {
    const ids = models.filter(({ dimensionChoice }) => dimensionChoice === choice).map(({ id }) => `\`${id}\``)
    return ids.length === 0 ? [] : [`${meaning}: ${ids.join(', ')}.`]
  })
  return sentences.join(' ')
}

const BEFORE = `
Self-hosted embeddings that answer the DashScope and the OpenAI protocol. Point an unmodified client at this server:

| client | setting |
|---|---|
| OpenAI SDKs | \`base_url="http://HOST:PORT/compatible-mode/v1"\` |
| DashScope SDKs | \`DASHSCOPE_HTTP_BASE_URL=http://HOST:PORT/api/v1\` |
`.trim()

const AFTER = `
All are served by the built-in model, which needs no download and no network. {choices}

**Dimensions.** Every dimension is a prefix of the 2,048 components that the model computes, brought back to unit
length. Nothing is padded or repeated. The model's meaning lies mainly in the first 384 components; the later ones add
what its lower layers know, and gain little: choose 256 to 512 to save space, 1,024 for compatibility.

**Tokens.** \`usage\` counts the tokens of the model's own tokenizer (a Unigram vocabulary pruned from XLM-RoBERTa's),
without prompts and special tokens. They are not those of the original service.

**Long texts.** A text of more tokens than the table says is a 400, never cut in silence. The request header
\`x-quiver-overlong: truncate\` cuts it instead, and \`x-quiver-truncated\` in the answer says which; \`chunk-mean\` embeds it
whole, up to 131,072 tokens. Both can also be set for a model in the configuration.
The network reads {window} tokens at a time: a longer text is embedded whole, in windows of nearly equal length whose unit
vectors are averaged, weighted by their tokens.

**Queries and documents.** \`text_type: "query"\` and \`"document"\` (the default) are trained: search with a query against
documents, compare everything else as documents. \`instruct\` is accepted and changes nothing: the built-in model was not
trained on instructions.

**Sparse vectors.** Where the table offers them, the native endpoint's \`output_type\` may be \`dense\`, \`sparse\` or \`dense&sparse\`. The
inner product of a query's and a document's sparse vector is a score in [0, 1]: the share of the query's weight that the
document has. Forms of one word (\`Apples\`, \`apple\`) are one term; punctuation is none.

**Empty texts.** A text without any token (empty, or only spaces) is a 400 that names its position.

**Spaces.** The response header \`x-quiver-space\` names the vector space. Vectors of different spaces must not be compared;
store it beside your vectors.

**Repeatable.** Each text is computed on its own: the same text gives the same bits, whatever else is in the request.
`.trim()
