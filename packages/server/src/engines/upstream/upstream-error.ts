import { ApiError } from '@quiver/protocol'

/**
 * What went wrong at an upstream. Logs and decisions know errors by these kinds alone: what the upstream wrote is read
 * to find the kind, and never kept, since it may quote a text or a key.
 */
export type FailureKind =
  /** No connection, or it broke before the whole answer had come. */
  | 'unreachable'
  /** No whole answer in time. */
  | 'timeout'
  /** 429, or 503 with Retry-After: it works, and has too much to do. */
  | 'busy'
  /** 5xx. */
  | 'server_error'
  /** 200 with an answer that cannot be: wrong count, order, dimension, or no vectors. */
  | 'invalid_answer'
  /** A component that is no finite number. The text's fault as often as the server's. */
  | 'not_finite'
  /** The text has more tokens than the upstream's model takes. */
  | 'too_long'
  /** The request has more texts than the upstream takes, and its words say how many that are. */
  | 'too_many_texts'
  /** Any other 4xx: the upstream does not want this text. */
  | 'refused'
  /** 401, 403: our key is not right there. */
  | 'unauthorized'
  /** 404, 405: no such model or path there. */
  | 'not_found'
  /** 3xx; never followed. */
  | 'redirect'

/** Kinds that another replica may not have. The others would be the same everywhere, or are the text's own. */
const ELSEWHERE: ReadonlySet<FailureKind> = new Set([
  'unreachable',
  'timeout',
  'busy',
  'server_error',
  'invalid_answer',
  'unauthorized',
  'not_found',
  'redirect',
])

/** Which of the two the fault of a text is, from the status and the parsed body of an answer that is no 200. */
export type TextFaultOf = (status: number, body: unknown) => 'too_long' | 'not_finite' | undefined

export interface UpstreamErrorOptions {
  status?: number
  /** As the upstream's Retry-After asked. */
  retryAfterMs?: number
  /** Whether there is no server at all: nothing listens, or no such host. */
  isAbsent?: boolean
  /** Texts of one request that the upstream takes, as it says. */
  maxTexts?: number
}

/** A call of one replica that failed. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined
  readonly isAbsent: boolean
  readonly maxTexts: number | undefined

  constructor(
    readonly kind: FailureKind,
    options: UpstreamErrorOptions = {},
  ) {
    super(`upstream: ${kind}${options.status === undefined ? '' : ` (HTTP ${options.status})`}`)
    this.status = options.status
    this.retryAfterMs = options.retryAfterMs
    this.isAbsent = options.isAbsent ?? false
    this.maxTexts = options.maxTexts
  }

  /** Whether another replica may succeed where this one failed. */
  get isWorthAnother(): boolean {
    return ELSEWHERE.has(this.kind)
  }

  /** Whether it says that the replica does not work, and not that it is busy or does not want this text. */
  get isReplicasFault(): boolean {
    return this.isWorthAnother && this.kind !== 'busy'
  }

  /** Whether the replica answered, so that a text may be what it failed on: then it is not worth trying everywhere. */
  get hasAnswered(): boolean {
    return this.status !== undefined && this.kind !== 'busy'
  }
}

/** In the words that callers get. The upstream is the operator's business: neither its address nor its words are told. */
export function toApiError(error: UpstreamError, { window }: { window: number }): ApiError {
  switch (error.kind) {
    case 'too_long':
      return new ApiError(
        'invalid_parameter',
        `Range of input length should be [1, ${window}]: a text has more tokens than the serving model takes.`,
        { cause: error },
      )
    case 'too_many_texts': // of a single text: then it is as any other refusal
    case 'refused':
      return new ApiError('invalid_parameter', `The serving model refused a text (HTTP ${error.status}).`, {
        cause: error,
      })
    case 'busy':
      return new ApiError('overloaded', 'Model is unavailable, please try again later.', {
        retryAfterSeconds: toSeconds(error.retryAfterMs ?? 1_000),
        cause: error,
      })
    case 'unreachable':
    case 'timeout':
      return modelNotReady({ retryAfterMs: error.retryAfterMs ?? 1_000, cause: error })
    default:
      return new ApiError('engine_failed', 'The serving model gave no valid answer.', { cause: error })
  }
}

/** The one model cannot be had; others can. */
export function modelNotReady({ retryAfterMs, cause }: { retryAfterMs: number; cause?: unknown }): ApiError {
  return new ApiError('not_ready', 'Model is unavailable, please try again later.', {
    retryAfterSeconds: toSeconds(retryAfterMs),
    cause,
  })
}

function toSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}
