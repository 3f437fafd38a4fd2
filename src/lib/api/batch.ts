/** NDJSON batches: bodies to lines, and what became of each line to a line of the answer. */
import type {IntakeAnswer} from './intake.js'
import {type ProblemCode, problemDocument} from './problem.js'

export interface BatchInputLine {
  /** From 1; blank lines count, and are passed over. */
  readonly number: number
  readonly bytes: Buffer
}

export interface BatchAnswer {
  readonly line: number
  readonly answer: IntakeAnswer
  /** The client's own, for an answer that is a problem. */
  readonly paymentId?: string | undefined
}

const NEW_LINE = 0x0a

/** The lines that are not blank. A last line may do without its end; a carriage return before it is space to JSON. */
export function linesOf(body: Buffer): readonly BatchInputLine[] {
  const lines: BatchInputLine[] = []
  let number = 0
  for (let start = 0; start < body.length; ) {
    const newLine = body.indexOf(NEW_LINE, start)
    const end = newLine < 0 ? body.length : newLine
    number++
    const bytes = trimmed(body.subarray(start, end))
    if (bytes.length > 0) lines.push({number, bytes})
    start = end + 1
  }
  return lines
}

/** What may have been sent all the same, or is under way. */
const UNSETTLED: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'OUTCOME_UNKNOWN',
  'ACK_TIMEOUT',
  'IN_PROGRESS',
  'INTERNAL',
])

/** A line of the answer, without its end. */
export function batchLine({line, answer, paymentId}: BatchAnswer): string {
  if (answer.kind === 'accepted') {
    const replayed = answer.isReplayed ? ',"replayed":true' : ''
    return `{"line":${line},"status":"accepted","payment_id":"${answer.paymentId}"${replayed}}`
  }
  return JSON.stringify({
    line,
    status: UNSETTLED.has(answer.problem.code) ? 'unknown' : 'refused',
    payment_id: paymentId ?? answer.problem.extensions?.['payment_id'],
    problem: problemDocument(answer.problem),
  })
}

/** Without white space at its ends: space, tab, carriage return. */
function trimmed(line: Buffer): Buffer {
  let start = 0
  let end = line.length
  while (start < end && isSpace(line[start])) start++
  while (end > start && isSpace(line[end - 1])) end--
  return line.subarray(start, end)
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d
}
