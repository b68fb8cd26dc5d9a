import { writeFile } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import type { InputPart } from '@quiver/protocol'
import { Command, InvalidArgumentError } from 'commander'
import type { Pipeline } from '../assemble.js'
import { OWN_MULTIMODAL_MODELS } from '../catalog/catalog.js'
import { checkMultimodal } from '../catalog/check-multimodal.js'
import type { Settings } from '../config.js'
import { groupSimilar } from '../vector/similar-groups.js'
import { dot } from '../vector/vector.js'
import { contactSheet, type SheetSection } from './contact-sheet.js'
import { EXIT, UserError } from './exit.js'
import { findImages } from './image-folder.js'
import { lookAtImages, type SeenImage } from './image-vectors.js'
import { interruptible } from './interruptible.js'
import { createProgress } from './progress.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'
import { withPipeline } from './with-pipeline.js'

interface SearchOptions {
  top: number
  output: string
  model: string
  duplicates?: boolean
  threshold: number
}

/** Cameras' files; the limits of the public models are for what travels. */
const MAX_IMAGE_BYTES = 64 * 1024 * 1024
/** Every pair is compared: ten times as many take a hundred times as long. */
const MAX_COMPARED = 20_000

export function searchImagesCommand(): Command {
  const command = new Command('search-images')
    .description(
      'Find pictures of a folder by what is to be seen on them, or those that are there twice. Needs no server.',
    )
    .argument('<folder>', 'with the folders in it')
    .argument('[words]', 'what to look for, Chinese or English')
    .option('--top <n>', 'pictures shown', wholeNumber, 20)
    .option('--output <path>', 'page of the pictures that is written', 'images.html')
    .option('--model <id>', 'multimodal model', OWN_MULTIMODAL_MODELS[0]?.id)
    .option('--duplicates', 'instead of a search: groups of pictures that are nearly the same')
    .option('--threshold <cosine>', 'how near duplicates are at least', share, 0.95)
    .addHelpText(
      'after',
      `
Vectors are kept in the home folder by the content of the files, so that the next search takes no time. An
interrupted run goes on where it was.

Examples:
  $ quiver search-images ~/Pictures "日落的海边"
  $ quiver search-images ~/Pictures "a dog in the snow" --top 50 --output dogs.html
  $ quiver search-images ~/Pictures --duplicates`,
    )
  return addSettingsOptions(command, ['home', 'threads']).action(
    (folder: string, words: string | undefined, options: SearchOptions, self: Command) => {
      if ((words === undefined) !== (options.duplicates === true)) {
        throw new UserError('give words to look for, or --duplicates.', EXIT.usage)
      }
      return interruptible('the same command goes on.', (signal) =>
        searchImages(resolve(folder), { words, ...options, settings: settingsOf(self), signal }),
      )
    },
  )
}

interface Search extends SearchOptions {
  words: string | undefined
  settings: Settings
  signal: AbortSignal
}

async function searchImages(folder: string, search: Search): Promise<void> {
  const { words, settings, signal, top, threshold } = search
  const files = await findImages(folder, signal)
  if (files.length === 0) throw new UserError(`${folder} has no pictures.`)
  const { query, seen } = await withPipeline(settings, signal, async (pipeline) => {
    const embed = embedderOf(pipeline, search)
    // Also without words: what the model makes of any text tells which space kept vectors must be of.
    const { dense: query, space } = await embed({ kind: 'text', text: words ?? 'picture', field: 'words' }, signal)
    const progress = createProgress('looking at pictures', files.length)
    try {
      const { seen, unreadable } = await lookAtImages(files, {
        home: settings.home,
        space,
        dimension: query.length,
        embed: async (source, workSignal) => (await embed({ kind: 'image', source, field: 'image' }, workSignal)).dense,
        onSeen: () => progress.add(1),
        signal,
      })
      progress.stop()
      for (const { path, reason } of unreadable) process.stderr.write(`quiver: ${relative(folder, path)}: ${reason}\n`)
      return { query, seen }
    } finally {
      progress.stop()
    }
  })
  const name = ({ file }: SeenImage) => relative(folder, file.path)
  if (words === undefined) {
    const groups = await duplicatesOf(seen, { threshold, signal })
    for (const group of groups) process.stdout.write(`${group.map(name).join('\n')}\n\n`)
    const sections = groups.slice(0, top).map((group, number) => ({
      heading: `${number + 1}`,
      pictures: group.map((image) => ({ path: image.file.path, caption: name(image) })),
    }))
    return writeSheet(sections, { title: `${groups.length} groups of nearly equal pictures`, search })
  }
  const hits = seen.map((image) => ({ image, score: dot(query, image.vector) })).sort((a, b) => b.score - a.score)
  const shown = hits.slice(0, top)
  for (const { image, score } of shown) process.stdout.write(`${score.toFixed(3)}  ${name(image)}\n`)
  const pictures = shown.map(({ image, score }) => ({
    path: image.file.path,
    caption: `${score.toFixed(3)} ${name(image)}`,
  }))
  return writeSheet([{ heading: `${shown.length} of ${seen.length}`, pictures }], { title: words, search })
}

function duplicatesOf(
  seen: readonly SeenImage[],
  options: { threshold: number; signal: AbortSignal },
): Promise<SeenImage[][]> {
  if (seen.length > MAX_COMPARED) {
    throw new UserError(`there are ${seen.length} pictures; at most ${MAX_COMPARED} are compared with each other.`)
  }
  return groupSimilar(
    seen.map(({ vector }) => vector),
    options,
  ).then((groups) => groups.map((group) => group.flatMap((position) => seen[position] ?? [])))
}

/** One input → its vector. */
function embedderOf({ catalog, embedContents }: Pipeline, { model: id }: Search) {
  const model = { ...catalog.getMultimodal(id), maxImageBytes: MAX_IMAGE_BYTES }
  const fields = { inputs: '', dimension: '', isFused: '', fps: '', maxFrames: '', resolutionLevel: '' } // none are given
  const fetchMedia = () => Promise.reject(new TypeError('pictures of a folder come as bytes'))
  return async (part: InputPart, signal: AbortSignal) => {
    const request = checkMultimodal({ model: id, inputs: [[part]], fields }, model)
    const { embeddings, space } = await embedContents(request, { signal, fetchMedia })
    const dense = embeddings[0]?.dense
    if (dense === undefined) throw new TypeError('there is a vector for every input')
    return { dense, space }
  }
}

async function writeSheet(
  sections: readonly SheetSection[],
  { title, search: { output } }: { title: string; search: Search },
): Promise<void> {
  const at = resolve(output)
  await writeFile(at, contactSheet(sections, { title, at }))
  process.stderr.write(`the pictures are in ${output}\n`)
}

function wholeNumber(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It must be a whole number above 0.')
  return number
}

function share(text: string): number {
  const number = Number(text)
  if (!(number > 0 && number <= 1)) throw new InvalidArgumentError('It must be a number above 0, at most 1.')
  return number
}
