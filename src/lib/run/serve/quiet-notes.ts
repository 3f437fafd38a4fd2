/**
 * Notes for an operator, without the flood: trouble that every request meets is told once, and again only after a
 * while. What is remembered is bounded.
 */
import type {Clock} from '../../base/clock.js'

const REPEAT_MS = 10_000
const MAX_REMEMBERED = 200

/** @returns what to call instead of `tell` */
export function withoutRepeats(clock: Clock, tell: (note: string) => void): (note: string) => void {
  const toldUs = new Map<string, number>()
  return note => {
    const nowUs = clock.nowUs()
    if (nowUs - (toldUs.get(note) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS * 1000) return
    // A map keeps the order in which its keys came: the first one is the one that was told longest ago.
    toldUs.delete(note)
    toldUs.set(note, nowUs)
    const [oldest] = toldUs.keys()
    if (toldUs.size > MAX_REMEMBERED && oldest !== undefined) toldUs.delete(oldest)
    tell(note)
  }
}
