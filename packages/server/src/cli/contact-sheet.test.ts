import { expect, test } from 'vitest'
import { contactSheet } from './contact-sheet.js'

test('pictures are linked relative to the page, whatever their names are', () => {
  const picture = { path: '/pictures/"50%" #1 <b>.jpg', caption: '0.9 <b>' }
  const page = contactSheet([{ heading: '1 of 2', pictures: [picture] }], {
    title: '海 & "边"',
    at: '/out/images.html',
  })
  expect(page).toContain('src="../pictures/%2250%25%22%20%231%20%3Cb%3E.jpg"')
  expect(page).toContain('<title>海 &amp; &quot;边&quot;</title>')
  expect(page).toContain('<figcaption>0.9 &lt;b&gt;</figcaption>')
  expect(page).not.toContain('<b>')
  expect(page).not.toMatch(/<script|https?:/)
})
