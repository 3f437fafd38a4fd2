/**
 * Progress on stderr: on a terminal one line that is rewritten, elsewhere a plain line every few seconds.
 * Notes are lines of their own and stay.
 */
import {systemClock} from '../base/clock.js'

const PLAIN_INTERVAL_US = 5_000_000
const TERMINAL_INTERVAL_US = 100_000

export interface ProgressOptions {
  readonly stream: NodeJS.WriteStream
  readonly quiet: boolean
  readonly color: boolean
}

export class Progress {
  readonly #options: ProgressOptions
  #shownUs = 0
  #lineIsOpen = false

  constructor(options: ProgressOptions) {
    this.#options = options
  }

  /** A line that stays: where a run goes, a warning, a recovery. */
  note(text: string): void {
    if (this.#options.quiet) return
    this.#clearLine()
    this.#options.stream.write(`${text}\n`)
  }

  /** The state of things; shown as often as the stream deserves. */
  update(render: () => string): void {
    if (this.#options.quiet) return
    const nowUs = systemClock.nowUs()
    const terminal = this.#options.stream.isTTY === true
    if (nowUs - this.#shownUs < (terminal ? TERMINAL_INTERVAL_US : PLAIN_INTERVAL_US)) return
    this.#shownUs = nowUs
    if (terminal) {
      const text = render().slice(0, Math.max(20, (this.#options.stream.columns ?? 100) - 1))
      this.#options.stream.write(`\r\u001B[2K${this.#options.color ? `\u001B[2m${text}\u001B[0m` : text}`)
      this.#lineIsOpen = true
    } else {
      this.#options.stream.write(`${render()}\n`)
    }
  }

  done(): void {
    this.#clearLine()
  }

  #clearLine(): void {
    if (!this.#lineIsOpen) return
    this.#options.stream.write('\r\u001B[2K')
    this.#lineIsOpen = false
  }
}
