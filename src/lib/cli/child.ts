import {spawn} from 'node:child_process'
import {constants} from 'node:os'
import {EnvironmentError} from '../base/errors.js'

export interface ChildOptions {
  /** Added to our own environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Aborts when we got a signal, which is passed on. */
  readonly signal: AbortSignal
  readonly interruptedBy: () => 'SIGINT' | 'SIGTERM' | undefined
  /** Where its stdout goes. */
  readonly stdout: NodeJS.WriteStream
}

/**
 * Runs a command with our standard streams and waits for it.
 *
 * @returns its exit code, 128 + n when signal n ended it
 * @throws EnvironmentError when it cannot be started (`P2PAY_COMMAND`)
 */
export function runChild(command: readonly string[], options: ChildOptions): Promise<number> {
  const [file = '', ...args] = command
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['inherit', options.stdout, 'inherit'],
      env: {...process.env, ...options.environment},
    })
    const stop = (): void => {
      const signal = options.interruptedBy() ?? 'SIGTERM'
      // A terminal sends Ctrl-C to all of its foreground processes: a second one would mean "leave at once" to many.
      if (signal === 'SIGINT' && process.stdin.isTTY === true) return
      child.kill(signal)
    }
    options.signal.addEventListener('abort', stop, {once: true})
    // Leaving at once, by a second signal, leaves nobody behind.
    const killed = (): void => void child.kill('SIGKILL')
    process.once('exit', killed)
    child.once('error', cause => {
      options.signal.removeEventListener('abort', stop)
      reject(
        new EnvironmentError(`The command "${command.join(' ')}" cannot be started`, {
          code: 'P2PAY_COMMAND',
          suggestions: ['check its name and that it is executable'],
          cause,
        }),
      )
    })
    child.once('exit', (code, signal) => {
      options.signal.removeEventListener('abort', stop)
      process.off('exit', killed)
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}
