import { dirname, isAbsolute, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A row of pictures under one heading. */
export interface SheetSection {
  heading: string
  pictures: readonly { path: string; caption: string }[]
}

/**
 * A page of pictures, for a browser: no scripts, nothing from the network; the pictures are links to the files, relative
 * to the page, so that folder and page can be moved together.
 *
 * @param options.at path of the page.
 */
export function contactSheet(sections: readonly SheetSection[], { title, at }: { title: string; at: string }): string {
  const body = sections.map(({ heading, pictures }) => {
    const figures = pictures.map(({ path, caption }) => {
      const link = escaped(linkTo(path, at))
      const words = escaped(caption)
      return `<figure><a href="${link}"><img src="${link}" alt="${words}" loading="lazy"></a><figcaption>${words}</figcaption></figure>`
    })
    return `<h2>${escaped(heading)}</h2>\n<div>\n${figures.join('\n')}\n</div>`
  })
  return `<!doctype html>
<html lang="">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 80rem; padding: 0 1rem }
div { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)) }
figure { margin: 0 }
img { aspect-ratio: 1; background: #8882; border-radius: .4rem; object-fit: cover; width: 100% }
figcaption { font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
</style>
<h1>${escaped(title)}</h1>
${body.join('\n')}
</html>
`
}

function linkTo(path: string, at: string): string {
  const link = relative(dirname(at), path)
  // On another drive there is no way from here to there.
  return isAbsolute(link) ? pathToFileURL(path).href : link.split(sep).map(encodeURIComponent).join('/')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}
