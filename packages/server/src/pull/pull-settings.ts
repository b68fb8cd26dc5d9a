import type { Hub } from './hub.js'
import { type Proxies, readProxies } from './proxies.js'
import { PullError } from './pull-error.js'

/** What the environment says of hubs and proxies, in the names that other programs use too. */
export interface PullSettings {
  hub: Hub
  modelScopeEndpoint: string
  proxies: Proxies
  /** `HF_HUB_OFFLINE`, as Hugging Face's own tools have it; `QUIVER_OFFLINE` is a setting of ours. */
  isHubOffline: boolean
}

/**
 * Read `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE`, `MODELSCOPE_ENDPOINT` and the proxy variables. `HF_HOME` is neither read
 * nor written: weights belong to the home of Quiver.
 *
 * @throws {PullError} for an endpoint that is no URL.
 */
export function pullSettings(environment: Readonly<Record<string, string | undefined>>): PullSettings {
  const given = (name: string) => environment[name]?.trim() || undefined
  const endpoint = (name: string, usual: string) => {
    const value = given(name) ?? usual
    if (URL.canParse(value) && /^https?:/.test(value)) return value
    throw new PullError(`${name}: must be an http or https URL, got ${JSON.stringify(value)}.`)
  }
  const token = given('HF_TOKEN')
  return {
    hub: { endpoint: endpoint('HF_ENDPOINT', 'https://huggingface.co'), ...(token && { token }) },
    modelScopeEndpoint: endpoint('MODELSCOPE_ENDPOINT', 'https://modelscope.cn'),
    proxies: readProxies(environment),
    isHubOffline: /^(1|true|on|yes)$/i.test(given('HF_HUB_OFFLINE') ?? ''),
  }
}
