/**
 * The real binary as a child process, for what only a process can show: signals, pipes, exit codes, kill -9.
 * Needs a build (`npm test` makes one).
 */
import {type ChildProcess, spawn} from 'node:child_process'
import {fileURLToPath} from 'node:url'
import {onTestFinished} from 'vitest'

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

export interface RunOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** A file descriptor that becomes its stdout; by default stdout is kept as text. */
  readonly stdout?: number
}

export interface Finished {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A running p2pay; ended with the test if it has not ended itself. */
export class P2pay {
  readonly process: ChildProcess
  readonly finished: Promise<Finished>
  #stdout = ''
  #stderr = ''
  readonly #watchers = new Set<() => void>()

  constructor(args: readonly string[], options: RunOptions) {
    const {P2PAY_BROKERS: _b, P2PAY_DATABASE_URL: _d, P2PAY_DIR: _p, ...inherited} = process.env
    this.process = spawn(process.execPath, [BIN, ...args], {
      cwd: options.cwd,
      env: {...inherited, NO_COLOR: '1', ...options.env},
      stdio: ['ignore', options.stdout ?? 'pipe', 'pipe'],
    })
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
      for (const watcher of this.#watchers) watcher()
    })
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
      for (const watcher of this.#watchers) watcher()
    })
    this.finished = new Promise(resolve => {
      this.process.once('close', (exitCode, signal) => {
        resolve({exitCode, signal, stdout: this.#stdout, stderr: this.#stderr})
        for (const watcher of this.#watchers) watcher()
      })
    })
  }

  get pid(): number {
    return this.process.pid ?? -1
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Resolves when stdout or stderr contains a match; rejects when the process ends without one. */
  async output(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = `${this.#stdout}\n${this.#stderr}`.match(pattern)
      if (match !== null) return match
      const ended = this.process.exitCode !== null || this.process.signalCode !== null
      if (ended) throw new Error(`p2pay ended without ${pattern}:\n${this.#stdout}\n${this.#stderr}`)
      await new Promise<void>(resolve => {
        const watcher = (): void => {
          this.#watchers.delete(watcher)
          resolve()
        }
        this.#watchers.add(watcher)
      })
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }
}

/** Starts p2pay inside of a test. */
export function start(args: readonly string[], options: RunOptions): P2pay {
  const child = new P2pay(args, options)
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

/** Runs p2pay to its end. */
export function run(args: readonly string[], options: RunOptions): Promise<Finished> {
  return new P2pay(args, options).finished
}
