/** Values of pg's answers as ours, and texts that the database could hold. */
import {assert, present} from '../base/assert.js'
import {DECISIONS, type Decision, type DecisionKind} from '../payment/decision.js'

export function toDecision(kind: unknown, score: unknown, reasons: unknown): Decision {
  return {kind: toKind(kind), score: Number(score), reasons: textArray(reasons)}
}

export function toKind(value: unknown): DecisionKind {
  return present(
    DECISIONS.find(kind => kind === value),
    `a decision called ${String(value)}`,
  )
}

/** The table's checks keep every amount a safe integer. */
export function safeNumber(value: unknown, what: string): number {
  const number = Number(value)
  assert(Number.isSafeInteger(number), `${what} is ${String(value)}, not a safe integer`)
  return number
}

export function textArray(value: unknown): string[] {
  assert(Array.isArray(value), 'a text[] did not arrive as an array')
  return value.map(String)
}

/** PostgreSQL's texts hold no NUL, and UTF-8 no lone surrogate; nothing that is stored equals such a text. */
export function isStorable(text: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(text)
}
