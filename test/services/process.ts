/**
 * Child processes of the service suite: commands that run to their end, and daemons that write to a log file, are
 * awaited by asking them something, and are stopped by their process id.
 */
import {type ChildProcess, execFile, type SpawnOptions, spawn} from 'node:child_process'
import {closeSync, openSync, readFileSync} from 'node:fs'
import {setTimeout as delay} from 'node:timers/promises'

const MAX_OUTPUT_BYTES = 256 * 1024 * 1024
const LOG_TAIL_LINES = 25
const POLL_MS = 50
const STOP_TIMEOUT_MS = 30_000

export interface CommandOptions {
  readonly input?: string | Buffer
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly uid?: number
  readonly gid?: number
  readonly timeoutMs?: number
}

export interface CommandResult {
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a command to its end.
 *
 * @throws Error with the command and all that it printed when it fails, is missing, or is too slow
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const {input, timeoutMs, ...rest} = options
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      {...rest, maxBuffer: MAX_OUTPUT_BYTES, timeout: timeoutMs ?? 120_000},
      (error, stdout, stderr) => {
        if (error === null) return resolve({stdout, stderr})
        if (error.code === 'ENOENT') return reject(new Error(`${command} is not installed`, {cause: error}))
        reject(new Error(`${error.message}\n${stdout}${stderr}`.trim(), {cause: error}))
      },
    )
    // A command that leaves before it has read everything is judged by its exit code alone.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input ?? '')
  })
}

export interface DaemonOptions extends Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'> {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** Its output, appended. */
  readonly logFile: string
}

/** A background process; `stop` and `kill` resolve once it has gone. */
export class Daemon {
  readonly #options: DaemonOptions
  readonly #child: ChildProcess
  readonly #gone: Promise<void>
  #failure: string | null = null

  constructor(options: DaemonOptions) {
    this.#options = options
    const {name, command, args, logFile, ...spawnOptions} = options
    const log = openSync(logFile, 'a')
    this.#child = spawn(command, args, {...spawnOptions, stdio: ['ignore', log, log]})
    closeSync(log)
    running.add(this.#child)
    this.#gone = new Promise(resolve => {
      const ended = (why: string): void => {
        this.#failure = `${name} ${why}`
        running.delete(this.#child)
        resolve()
      }
      this.#child.once('error', error => ended(`could not be started: ${error.message}`))
      this.#child.once('exit', (code, signal) => ended(`ended with ${signal ?? `exit code ${code}`}`))
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /**
   * Asks `probe` until it succeeds.
   *
   * @throws Error with the end of the log when the process ends first or the time is up
   */
  async ready(probe: () => Promise<void>, timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    let lastError: unknown
    while (this.#failure === null && performance.now() < deadlineMs) {
      try {
        return await probe()
      } catch (error) {
        lastError = error
        await delay(POLL_MS)
      }
    }
    const why = this.#failure ?? `${this.#options.name} did not answer within ${timeoutMs} ms: ${String(lastError)}`
    await this.end('SIGKILL')
    throw new Error(`${why}\n${logTail(this.#options.logFile)}`, {cause: lastError})
  }

  /** Sends the signal and waits for the end; a process that does not heed it is killed. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#failure !== null) return
    this.#child.kill(signal)
    const tooSlow = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await this.#gone
    clearTimeout(tooSlow)
  }
}

const running = new Set<ChildProcess>()

// Nothing outlives the suite, also when it is interrupted.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

function logTail(path: string): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n')
}
