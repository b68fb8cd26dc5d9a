import { connect, type Socket } from 'node:net'
import { type Answer, parseAnswers } from './answers.js'
import { isComplete, type Message, toBytes } from './message.js'

/** How requests are put on a connection. */
export type Delivery = 'whole' | 'split' | 'pipelined' | 'early-close' | 'half-close'

export interface Attempt {
  /** More than one only when pipelined. */
  messages: readonly [Message, ...Message[]]
  delivery: Delivery
  /** Bytes after which an early close or a split comes, as a share of all. */
  cut: number
}

export interface Outcome {
  answers: Answer[]
  /** What was wrong with the connection itself. */
  fault?: string
}

/** An answer that must come has this long; the engine may have work in front. */
const ANSWER_TIMEOUT_MS = 60_000
/** A request that is not complete need not be answered; so long it is listened to. */
const GRACE_MS = 60

/** Send an attempt on a connection of its own and read what comes. */
export function exchange(attempt: Attempt, { host, port }: { host: string; port: number }): Promise<Outcome> {
  const { messages, delivery } = attempt
  const mustAnswer = (delivery === 'whole' || delivery === 'split') && messages.every(isComplete)
  const methods = messages.map(({ method }) => method)
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const chunks: Buffer[] = []
    const finish = () => {
      clearTimeout(timer)
      // A reset leaves no port waiting; a campaign opens more connections than there are ports.
      socket.resetAndDestroy()
      resolve(judge(Buffer.concat(chunks), methods, mustAnswer))
    }
    const timer = setTimeout(finish, ANSWER_TIMEOUT_MS)
    socket.on('error', finish)
    socket.on('close', finish)
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      if (hasAll(Buffer.concat(chunks), methods)) finish()
    })
    socket.on('connect', async () => {
      await send(socket, attempt)
      if (!mustAnswer) setTimeout(finish, delivery === 'pipelined' ? GRACE_MS * 8 : GRACE_MS)
    })
  })
}

async function send(socket: Socket, { messages, delivery, cut }: Attempt): Promise<void> {
  const bytes = Buffer.concat(messages.map(toBytes))
  const at = Math.floor(bytes.length * cut)
  switch (delivery) {
    case 'early-close':
      socket.write(bytes.subarray(0, at), () => socket.resetAndDestroy())
      return
    case 'half-close':
      socket.end(bytes)
      return
    case 'split':
      socket.write(bytes.subarray(0, at))
      await new Promise((wake) => setTimeout(wake, 2))
      if (socket.writable) socket.write(bytes.subarray(at))
      return
    default:
      socket.write(bytes)
  }
}

function hasAll(received: Buffer, methods: readonly string[]): boolean {
  try {
    return parseAnswers(received, methods).length >= methods.length
  } catch {
    return true // judged at the end
  }
}

function judge(received: Buffer, methods: readonly string[], mustAnswer: boolean): Outcome {
  try {
    const answers = parseAnswers(received, methods)
    return mustAnswer && answers.length === 0 ? { answers, fault: 'no answer' } : { answers }
  } catch (error) {
    return { answers: [], fault: error instanceof Error ? error.message : String(error) }
  }
}
