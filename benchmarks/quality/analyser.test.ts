import { expect, test } from 'vitest'
import { bigrams, english, segmented, words } from './analyser.js'

test('words are lower-cased and keep underscores, marks and digits', () => {
  expect(words("Don't call _update_timer(3)! Ánimo")).toEqual(['don', 't', 'call', '_update_timer', '3', 'ánimo'])
})

test('English words lose stop words and endings', () => {
  expect(english('The Panthers were giving up points')).toEqual(['panther', 'were', 'give', 'up', 'point'])
})

test('Chinese becomes overlapping pairs; a lone character and other scripts stay whole', () => {
  expect(bigrams('2016年，黑豹队赢了NFL')).toEqual(['2016', '年', '黑豹', '豹队', '队赢', '赢了', 'nfl'])
})

test('Chinese becomes words of a dictionary, without punctuation', () => {
  expect(segmented('今天天气很好。')).toEqual(['今天', '天气', '很好'])
})
