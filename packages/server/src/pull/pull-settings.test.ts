import { expect, test } from 'vitest'
import { pullSettings } from './pull-settings.js'

test('without any variable the public hubs are asked, without a token', () => {
  expect(pullSettings({})).toEqual({
    hub: { endpoint: 'https://huggingface.co' },
    modelScopeEndpoint: 'https://modelscope.cn',
    proxies: {},
    isHubOffline: false,
  })
})

test('mirror, token, offline and proxies are those of the environment; lower case goes first', () => {
  expect(
    pullSettings({
      HF_ENDPOINT: 'https://hf-mirror.com',
      HF_TOKEN: ' hf_x\n',
      HF_HUB_OFFLINE: '1',
      HTTPS_PROXY: 'http://upper:1',
      https_proxy: 'http://lower:1',
      NO_PROXY: 'localhost',
    }),
  ).toEqual({
    hub: { endpoint: 'https://hf-mirror.com', token: 'hf_x' },
    modelScopeEndpoint: 'https://modelscope.cn',
    proxies: { httpsProxy: 'http://lower:1', noProxy: 'localhost' },
    isHubOffline: true,
  })
})

test('an endpoint that is no URL is named', () => {
  expect(() => pullSettings({ HF_ENDPOINT: 'hf-mirror.com' })).toThrow(
    'HF_ENDPOINT: must be an http or https URL, got "hf-mirror.com".',
  )
})
