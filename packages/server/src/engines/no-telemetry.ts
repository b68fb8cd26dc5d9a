/**
 * The environment in which ONNX Runtime reports nothing to its makers. Its official builds do by default, since 1.30 on Linux and
 * macOS too: which models run how fast, under an identifier kept in the user's cache. It reads the environment once, before
 * the first session; the first name is that of 1.30, the second that of later versions.
 *
 * @see https://github.com/microsoft/onnxruntime/pull/27379
 * @see https://github.com/microsoft/onnxruntime/pull/29843
 */
export const NO_TELEMETRY = { ORT_DISABLE_TELEMETRY: '1', ORT_TELEMETRY_DISABLED: '1' } as const

/** For this process: only its main thread can set what native code reads, so that this comes before any thread that computes. */
export function refuseTelemetry(): void {
  Object.assign(process.env, NO_TELEMETRY)
}
