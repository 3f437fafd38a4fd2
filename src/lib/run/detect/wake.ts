/** A condition variable: waiters are woken all at once and look for themselves whether what they wait for is there. */
export class Wake {
  #waiters: (() => void)[] = []

  wait(): Promise<void> {
    return new Promise(resolve => this.#waiters.push(resolve))
  }

  notify(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), {once: true})
  })
}
