import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger }

/**
 * JSON lines on standard error; standard output belongs to data. Inputs, vectors and keys are never passed to it; the
 * redaction is a second fence.
 */
export function createLog(level: string, destination: DestinationStream = pino.destination(2)): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { cause: pino.stdSerializers.err },
      redact: {
        paths: ['*.authorization', '*.headers', 'authorization', 'headers', 'body', 'input', 'texts'],
        remove: true,
      },
    },
    destination,
  )
}
