/**
 * Progress on stderr: on a terminal one line that is rewritten, elsewhere a plain line every few seconds.
 * Notes are lines of their own and stay.
 */
import {systemClock} from '../base/clock.js'

const PLAIN_INTERVAL_US = 5_000_000
/** Of lines for machines. */
const SAMPLE_INTERVAL_US = 1_000_000
const SAMPLE_SLACK_US = 100_000
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
    if (!this.#isTime(PLAIN_INTERVAL_US)) return
    if (this.#isTerminal) this.#showLine(render())
    else this.#options.stream.write(`${render()}\n`)
  }

  /** The state of things: a live line on a terminal, elsewhere one JSON object a second. */
  sample(render: () => string, data: () => object): void {
    if (this.#options.quiet) return
    // A little early counts: who tells every half second, give or take, must not come out at every one and a half.
    if (!this.#isTime(SAMPLE_INTERVAL_US - SAMPLE_SLACK_US)) return
    if (this.#isTerminal) this.#showLine(render())
    else this.#options.stream.write(`${JSON.stringify(data())}\n`)
  }

  done(): void {
    this.#clearLine()
  }

  get #isTerminal(): boolean {
    return this.#options.stream.isTTY === true
  }

  #isTime(plainIntervalUs: number): boolean {
    const nowUs = systemClock.nowUs()
    if (nowUs - this.#shownUs < (this.#isTerminal ? TERMINAL_INTERVAL_US : plainIntervalUs)) return false
    this.#shownUs = nowUs
    return true
  }

  #showLine(line: string): void {
    const {stream, color} = this.#options
    const text = line.slice(0, Math.max(20, (stream.columns ?? 100) - 1))
    stream.write(`\r\u001B[2K${color ? `\u001B[2m${text}\u001B[0m` : text}`)
    this.#lineIsOpen = true
  }

  #clearLine(): void {
    if (!this.#lineIsOpen) return
    this.#options.stream.write('\r\u001B[2K')
    this.#lineIsOpen = false
  }
}
