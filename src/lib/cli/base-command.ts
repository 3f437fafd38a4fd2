/**
 * What every command shares: typed `--json`, one AbortSignal for the whole run, errors as data, and the rule that
 * stdout carries the result while stderr carries progress and warnings.
 */
import {Command, Flags} from '@oclif/core'
import {EXIT, isP2payError} from '../base/errors.js'
import {Progress} from './progress.js'

export abstract class BaseCommand<T> extends Command {
  static override enableJsonFlag = true

  static override baseFlags = {
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
    return ['p2pay', ...(this.id ?? '').split(':'), ...this.argv].map(quoteArgument).join(' ')
  }

  abstract override run(): Promise<T>

  /**
   * Sets the exit code of a verdict or an interruption. When several apply, design section 6 orders them:
   * an error thrown later still wins over what is set here.
   */
  protected setExitCode(code: number): void {
    process.exitCode = code
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
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    this.#progress?.done()
    process.off('SIGINT', this.#onSignal)
    process.off('SIGTERM', this.#onSignal)
    await super.finally(error)
  }

  protected override toErrorJson(error: unknown): unknown {
    if (isP2payError(error)) {
      return {
        error: {
          code: error.code,
          message: error.message,
          suggestions: error.suggestions,
          exit: error.oclif.exit,
          cause: error.cause instanceof Error ? error.cause.message : undefined,
        },
      }
    }
    return super.toErrorJson(error)
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#interruptedBy !== undefined) process.exit(this.interruptionCode())
    this.#interruptedBy = signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM'
    this.#progress?.note('stopping: draining what is on its way; once more to leave at once')
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
