import type { IncomingHttpHeaders } from 'node:http'

/** Whether `oss://` is to be resolved: the SDKs say so when they have uploaded a file. Else it means nothing, as live. */
export function isOssAllowed(headers: IncomingHttpHeaders): boolean {
  return String(headers['x-dashscope-ossresourceresolve']).toLowerCase() === 'enable'
}
