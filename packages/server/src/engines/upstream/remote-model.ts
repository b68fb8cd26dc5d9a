import type { TextType } from '@quiver/protocol'
import { Connection } from './connection.js'
import { type Examination, findProtocol, findTokenRoute } from './profile.js'
import type { EmbedCall, ProtocolName } from './protocol.js'

/** Answers of one text at a time: 65,536 components are more than any model has. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024

export interface RemoteModelOptions {
  url: string
  /** What the server calls the model. */
  model: string
  protocol: ProtocolName | 'auto'
  apiKey?: string
  timeoutMs: number
  signal: AbortSignal
}

/** A text as another server embeds it. */
export interface RemoteEmbedding {
  /** As it came: of whatever length. */
  vector: Float32Array
  /** Absent where the server does not say. */
  tokens?: number
}

/** A model at another server, asked one text at a time so that its tokens can be told; for comparing. */
export interface RemoteModel {
  protocol: ProtocolName
  /** @throws {UpstreamError} */
  embed(text: string, options: { textType: TextType; dimension?: number }): Promise<RemoteEmbedding>
  close(): Promise<void>
}

/** @throws {UpstreamError} when the server cannot be asked; {Mismatch} when it has no such model. */
export async function openRemoteModel(options: RemoteModelOptions): Promise<RemoteModel> {
  const { url, model, apiKey, signal, timeoutMs } = options
  const connection = new Connection(url, {
    headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    connections: 4,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  })
  const exam: Examination = { entry: options, connection, signal, timeoutMs }
  try {
    const protocol = await findProtocol(exam)
    const route = await findTokenRoute(protocol, exam)
    const call = (wire: { path: string; base?: string; body: unknown }) =>
      connection.call({ method: 'POST', ...wire, signal, timeoutMs, textFault: protocol.textFault })
    return {
      protocol: protocol.name,
      async embed(text, { textType, dimension }) {
        const request: EmbedCall = {
          model,
          texts: [text],
          textType,
          encoding: 'float',
          ...(dimension !== undefined && { dimension }),
        }
        const counting = route === undefined ? undefined : call(route.encode([text], model))
        const [answer, counted] = await Promise.all([call(protocol.encode(request)), counting])
        const { vectors, tokens: said } = protocol.decode(answer, 1)
        const tokens = route === undefined ? said : route.decode(counted, 1)[0]
        return { vector: vectors[0] as Float32Array, ...(tokens !== undefined && { tokens }) } // decode checked the count
      },
      close: () => connection.close(),
    }
  } catch (error) {
    await connection.close()
    throw error
  }
}
