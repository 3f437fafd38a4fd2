/** What the detector counted, live while it runs and final in its summary. */
import type {DecisionKind} from '../../payment/decision.js'

export interface DetectCounters {
  /** Records taken over to be decided; `decided + dead-lettered + dropped + undrained`. */
  consumed: number
  /** Payments decided, stored and published, by the decision that holds: `approve + review + block`. */
  decided: number
  approve: number
  review: number
  block: number
  /** Records on the dead-letter topic, and why. */
  deadLettered: number
  deadLetteredByCode: Record<string, number>
  /** Payments whose row was there before with somebody else's decision, which then held. */
  adopted: number
  /** Of those, payments that this process met at two positions: sent twice, not delivered twice. */
  duplicates: number
  /** Records read only to rebuild state. */
  replayed: number
  /** Records that came again and kept the decision that this process had made before. */
  redelivered: number
  /** Taken over, and given to the partition's next owner before they were written. */
  dropped: number
  /** Rows that were new to the table. */
  storedRows: number
  /** Records on output topics, acknowledged. */
  published: number
  commits: number
  snapshots: number
  troubles: number
}

export function createCounters(): DetectCounters {
  return {
    consumed: 0,
    decided: 0,
    approve: 0,
    review: 0,
    block: 0,
    deadLettered: 0,
    deadLetteredByCode: {},
    adopted: 0,
    duplicates: 0,
    replayed: 0,
    redelivered: 0,
    dropped: 0,
    storedRows: 0,
    published: 0,
    commits: 0,
    snapshots: 0,
    troubles: 0,
  }
}

export function countDecision(counters: DetectCounters, kind: DecisionKind): void {
  counters.decided += 1
  counters[kind] += 1
}

export function countDeadLetter(counters: DetectCounters, code: string): void {
  counters.deadLettered += 1
  counters.deadLetteredByCode[code] = (counters.deadLetteredByCode[code] ?? 0) + 1
}

/** Whether state is all that it could be, and why not. */
export interface StateReport {
  /** `partial` when records that belong into it were gone or too many to read again. */
  debtor: 'complete' | 'partial'
  /** `partial` also with several detectors in the group. */
  shared: 'complete' | 'partial'
  /** One sentence each, oldest first, without repetition. */
  readonly notes: string[]
}

const MAX_NOTES = 100

export function createStateReport(): StateReport {
  return {debtor: 'complete', shared: 'complete', notes: []}
}

export function addNote(report: StateReport, note: string): void {
  if (report.notes.length < MAX_NOTES && !report.notes.includes(note)) report.notes.push(note)
}
