/** Which of the injected faults a request meets: the state behind the broker's one fault hook. */
import type {Fault} from './fault.js'

interface Armed {
  readonly fault: Fault
  skip: number
  times: number
}

export class FaultPlan {
  readonly #armed: Armed[]

  constructor(faults: readonly Fault[] = []) {
    this.#armed = faults.map(fault => ({fault, skip: fault.skip ?? 0, times: fault.times ?? 1}))
  }

  get isEmpty(): boolean {
    return this.#armed.length === 0
  }

  /** The first fault that is due; every matching fault before it that still skips counts this request. */
  next(api: string, topics: () => string[]): Fault['action'] | undefined {
    for (const armed of this.#armed) {
      if (armed.fault.api !== api || armed.times <= 0) continue
      if (armed.fault.topic !== undefined && !topics().includes(armed.fault.topic)) continue
      if (armed.skip > 0) {
        armed.skip--
        continue
      }
      armed.times--
      return armed.fault.action
    }
    return undefined
  }
}
