/** What oclif calls when no command has the name that was typed: help, or the name that was most likely meant. */
import {type Hook, loadHelpClass} from '@oclif/core'
import {UsageError} from '../base/errors.js'
import {nearest} from '../base/nearest.js'
import {renderReport, reportOf} from './error-text.js'

const hook: Hook<'command_not_found'> = async function ({id, argv = [], config}) {
  if (id === 'help' || id.startsWith('help:')) {
    const HelpClass = await loadHelpClass(config)
    await new HelpClass(config, config.pjson.oclif.helpOptions ?? {}).showHelp([...id.split(':').slice(1), ...argv])
    return
  }
  const names = config.commandIDs.map(one => one.replaceAll(':', ' '))
  const report = reportOf(unknown(id.replaceAll(':', ' '), names), {command: 'p2pay', flags: []})
  const {causes: _, ...error} = report
  if (argv.includes('--json')) process.stdout.write(`${JSON.stringify({error}, null, 2)}\n`)
  else process.stderr.write(renderReport(report, undefined))
  this.exit(report.exit)
}

function unknown(typed: string, names: readonly string[]): UsageError {
  // `p2pay generate payments`: oclif takes words after a command for parts of its name.
  const command = names.find(name => typed.startsWith(`${name} `))
  if (command !== undefined) {
    const suggestions = [`p2pay ${command} --help shows its flags and arguments`]
    const message = `p2pay ${command} takes no argument "${typed.slice(command.length + 1)}"`
    return new UsageError(message, {code: 'P2PAY_ARGUMENTS', suggestions})
  }
  const near = nearest(typed, names) ?? names.find(name => name.split(' ').at(-1) === typed)
  return new UsageError(
    `there is no command "${typed}"${near === undefined ? '' : `; did you mean "p2pay ${near}"?`}`,
    {
      code: 'P2PAY_COMMAND_UNKNOWN',
      suggestions: ['p2pay --help lists the commands'],
    },
  )
}

export default hook
