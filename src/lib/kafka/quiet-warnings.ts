/**
 * kafkajs computes a timer from a time stamp of −1, which Node 24 reports as TimeoutNegativeWarning; harmless (the
 * timer becomes 1 ms; tulios/kafkajs#1751). This keeps that one warning from the user's terminal, and no other.
 */
const HARMLESS = 'TimeoutNegativeWarning'

/** The part of `process` that reports warnings. */
export interface WarningEmitter {
  emitWarning(...parts: never[]): void
}

/** Call once, at the beginning of the process. */
export function quietKafkaWarnings(emitter: WarningEmitter): void {
  const emit = emitter.emitWarning.bind(emitter)
  emitter.emitWarning = (...parts: never[]): void => {
    if (!isHarmless(parts)) emit(...parts)
  }
}

function isHarmless(parts: readonly unknown[]): boolean {
  const [warning, options] = parts
  if (warning instanceof Error) return warning.name === HARMLESS
  if (typeof options === 'object' && options !== null) {
    const {type}: {type?: unknown} = options
    return type === HARMLESS
  }
  return options === HARMLESS
}
