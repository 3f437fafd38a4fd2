/**
 * A `p2pay serve --detect` of one's own, as a child process, so that a load test and what it tests do not share an
 * event loop. The child hosts or finds the embedded services of the same directory. It stops when the channel to us
 * closes, which it also does when we are killed: it leaves nobody behind.
 */
import {type ChildProcess, fork} from 'node:child_process'
import {fileURLToPath} from 'node:url'
import type {Clock} from '../base/clock.js'
import {EnvironmentError, InterruptedError} from '../base/errors.js'

export interface OwnServiceOptions {
  /** p2pay's own directory, `.p2pay`. */
  readonly dir: string
  /** For `p2pay serve`, besides `--detect`, `--port` and `--dir`. */
  readonly detectorFlags: readonly string[]
  /** Gives the start up; a running service ends by `stop` alone. */
  readonly signal: AbortSignal
  readonly clock: Clock
  /** What the service says on stderr, line by line. */
  readonly note: (text: string) => void
}

export interface OwnService {
  /** `http://127.0.0.1:41234`. */
  readonly url: string
  readonly brokers: string
  /** Null without a database. */
  readonly databaseUrl: string | null
  readonly pid: number
  /** Aborts, with an EnvironmentError as the reason, when the service ends without having been asked to. */
  readonly failed: AbortSignal
  /** Ends it in order; by force when that takes too long. Never rejects. */
  stop(): Promise<void>
}

/** The first start makes a database, which takes seconds, on a busy machine many; then a group is joined. */
const READY_MS = 180_000
/** For what is under way, the last of the lag, and a snapshot. */
const STOP_MS = 60_000
const TERMINATE_MS = 10_000
/** Lines of stderr that are kept for an error message. */
const KEPT_LINES = 20
const MAX_LINE_LENGTH = 2000

const BIN = fileURLToPath(new URL('../../../bin/run.js', import.meta.url))

/**
 * @throws EnvironmentError P2PAY_OWN_SERVICE with what it said last, when it does not come up
 * @throws InterruptedError when the signal aborts before it is up; it is stopped then
 */
export async function startOwnService(options: OwnServiceOptions): Promise<OwnService> {
  const {dir, detectorFlags, signal, clock, note} = options
  const {P2PAY_API_KEY: _, ...environment} = process.env
  const child = fork(BIN, ['serve', '--detect', '--port', '0', '--dir', dir, ...detectorFlags], {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // A process group of its own: Ctrl-C at the terminal is for us, and we say when it ends.
    detached: true,
  })
  const service = new Child(child, clock, note)
  const overdue = new AbortController()
  try {
    const late = clock.sleep(READY_MS, AbortSignal.any([overdue.signal, signal])).then(() => undefined)
    const ready = await Promise.race([service.ready, service.ended, late])
    if (ready !== undefined && 'url' in ready) return service.running(ready)
    if (signal.aborted) throw new InterruptedError('stopped while the service was starting: nothing was sent')
    throw service.error(ready === undefined ? `was not ready within ${READY_MS / 1000} s` : `ended (${ready.how})`)
  } catch (error) {
    await service.stop()
    throw error
  } finally {
    overdue.abort()
  }
}

interface Ready {
  readonly url: string
  readonly brokers: string
  readonly database_url: string | null
}

interface Ended {
  /** `exit code 3`, `signal SIGKILL`. */
  readonly how: string
}

class Child {
  readonly ready: Promise<Ready>
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  readonly #clock: Clock
  readonly #failed = new AbortController()
  readonly #lines: string[] = []
  #isStopping = false

  constructor(child: ChildProcess, clock: Clock, note: (text: string) => void) {
    this.#child = child
    this.#clock = clock
    this.ready = new Promise(resolve => {
      child.on('message', message => {
        const ready = readyIn(message)
        if (ready !== undefined) resolve(ready)
      })
    })
    this.ended = new Promise(resolve => {
      child.once('error', error => resolve({how: error.message}))
      // Node's own `close` never comes once we have closed the channel; by the end of stderr all that it said is here.
      child.once('exit', (code, signal) => {
        const ended = {how: code === null ? `signal ${signal}` : `exit code ${code}`}
        if (child.stderr === null || child.stderr.closed) resolve(ended)
        else child.stderr.once('close', () => resolve(ended))
      })
    })
    void this.ended.then(({how}) => {
      if (!this.#isStopping) this.#failed.abort(this.error(`ended before the test did (${how})`))
    })
    let rest = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = (lines.pop() ?? '').slice(0, MAX_LINE_LENGTH)
      for (const line of lines) {
        this.#lines.push(line.slice(0, MAX_LINE_LENGTH))
        if (this.#lines.length > KEPT_LINES) this.#lines.shift()
        note(line)
      }
    })
  }

  error(what: string): EnvironmentError {
    return new EnvironmentError([`The service of this test ${what}`, ...this.#lines].join('\n'), {
      code: 'P2PAY_OWN_SERVICE',
      suggestions: ['what it said is above', 'p2pay serve --detect starts the same service by itself'],
    })
  }

  running(ready: Ready): OwnService {
    return {
      url: ready.url,
      brokers: ready.brokers,
      databaseUrl: ready.database_url,
      pid: this.#child.pid ?? -1,
      failed: this.#failed.signal,
      stop: () => this.stop(),
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    if (this.#child.connected) this.#child.disconnect()
    if (await this.#endsWithin(STOP_MS)) return
    this.#child.kill('SIGTERM')
    if (await this.#endsWithin(TERMINATE_MS)) return
    this.#child.kill('SIGKILL')
    await this.ended
  }

  async #endsWithin(ms: number): Promise<boolean> {
    const over = new AbortController()
    const ended = await Promise.race([
      this.ended.then(() => true),
      this.#clock.sleep(ms, over.signal).then(() => false),
    ])
    over.abort()
    return ended
  }
}

function readyIn(message: unknown): Ready | undefined {
  if (typeof message !== 'object' || message === null || !('ready' in message)) return undefined
  const {ready} = message
  if (typeof ready !== 'object' || ready === null || !('url' in ready) || !('brokers' in ready)) return undefined
  const databaseUrl = 'database_url' in ready && typeof ready.database_url === 'string' ? ready.database_url : null
  if (typeof ready.url !== 'string' || typeof ready.brokers !== 'string') return undefined
  return {url: ready.url, brokers: ready.brokers, database_url: databaseUrl}
}
