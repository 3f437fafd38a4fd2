/**
 * What every command shares: typed `--json`, one AbortSignal for the whole run, errors as data, and the rule that
 * stdout carries the result while stderr carries progress and warnings.
 */
import {Command, Flags} from '@oclif/core'
import {EXIT, EXIT_PRECEDENCE, InterruptedError} from '../base/errors.js'
import {renderReport, reportOf} from './error-text.js'
import {Progress} from './progress.js'

export abstract class BaseCommand<T> extends Command {
  static override enableJsonFlag = true

  static override baseFlags = {
    json: Flags.boolean({
      description: 'Print the result, or the error, as JSON; nothing else on stdout.',
      helpGroup: 'GLOBAL',
    }),
    quiet: Flags.boolean({
      char: 'q',
      description: 'No progress on stderr.',
      helpGroup: 'GLOBAL',
    }),
    dir: Flags.directory({
      description: 'Where runs, and the embedded broker and database, keep their files.',
      default: '.p2pay',
      env: 'P2PAY_DIR',
      helpGroup: 'GLOBAL',
      helpValue: '<directory>',
    }),
  }

  readonly #abort = new AbortController()
  #progress: Progress | undefined
  #interruptedBy: 'SIGINT' | 'SIGTERM' | undefined

  /** Aborts on the first SIGINT or SIGTERM; a second one leaves at once. */
  protected get signal(): AbortSignal {
    return this.#abort.signal
  }

  protected get interruptedBy(): 'SIGINT' | 'SIGTERM' | undefined {
    return this.#interruptedBy
  }

  protected get progress(): Progress {
    this.#progress ??= new Progress({
      stream: process.stderr,
      quiet: this.jsonEnabled() || this.argv.includes('--quiet') || this.argv.includes('-q'),
      color: useColor(process.stderr),
    })
    return this.#progress
  }

  /** The command line that repeats this one, as a user would type it. */
  protected get commandLine(): string {
    return this.commandLineOf(this.argv)
  }

  /** The same with other arguments: those of a command that may hold secrets. */
  protected commandLineOf(argv: readonly string[]): string {
    return ['p2pay', ...(this.id ?? '').split(':'), ...argv].map(quoteArgument).join(' ')
  }

  abstract override run(): Promise<T>

  /** Sets the exit code. An error thrown later brings its own. */
  protected setExitCode(code: number): void {
    process.exitCode = code
  }

  /** The exit code of a command that a signal may have stopped early, and that came to this end. */
  protected exitCodeOf(outcome: number): number {
    const codes = [outcome, this.interruptionCode() ?? EXIT.passed]
    return EXIT_PRECEDENCE.find(code => codes.includes(code)) ?? outcome
  }

  /** Exit code of an interrupted command, or undefined when nobody interrupted it. */
  protected interruptionCode(): number | undefined {
    if (this.#interruptedBy === undefined) return undefined
    return this.#interruptedBy === 'SIGINT' ? EXIT.interrupted : EXIT.terminated
  }

  override async init(): Promise<void> {
    await super.init()
    process.on('SIGINT', this.#onSignal)
    process.on('SIGTERM', this.#onSignal)
    process.on('SIGHUP', this.#onSignal)
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    this.#progress?.done()
    process.off('SIGINT', this.#onSignal)
    process.off('SIGTERM', this.#onSignal)
    process.off('SIGHUP', this.#onSignal)
    await super.finally(error)
  }

  /** Tells of the error and leaves: what is still open (sockets, timers, threads) does not hold the process. */
  protected override async catch(error: Error & {exitCode?: number}): Promise<never> {
    const isExit = 'oclif' in error && 'code' in error && error.code === 'EEXIT'
    if (isExit) throw error
    this.#progress?.done()
    const interrupted = error instanceof InterruptedError ? this.interruptionCode() : undefined
    const report = reportOf(error, {
      command: ['p2pay', ...(this.id ?? '').split(':')].join(' '),
      flags: Object.keys({...this.ctor.baseFlags, ...this.ctor.flags, json: true}),
    })
    const exit = interrupted ?? report.exit
    const {causes, ...rest} = report
    if (this.jsonEnabled()) this.logJson({error: {...rest, exit, ...(causes.length === 0 ? {} : {causes})}})
    else process.stderr.write(renderReport({...report, exit}, error.stack))
    return this.exit(exit)
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#interruptedBy !== undefined) process.exit(this.interruptionCode())
    // A closed terminal asks to end as SIGTERM does.
    this.#interruptedBy = signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM'
    this.progress.note('stopping: draining what is on its way; once more to leave at once')
    this.#abort.abort()
  }
}

/** Colour for a stream: a terminal, and NO_COLOR not set (https://no-color.org). */
export function useColor(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && (process.env['NO_COLOR'] ?? '') === ''
}

function quoteArgument(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", String.raw`'\''`)}'`
}
