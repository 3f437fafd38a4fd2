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
  const typed = id.replaceAll(':', ' ')
  const names = config.commandIDs.map(one => one.replaceAll(':', ' '))
  const near = nearest(typed, names) ?? names.find(name => name.split(' ').at(-1) === typed)
  const report = reportOf(
    new UsageError(`there is no command "${typed}"${near === undefined ? '' : `; did you mean "p2pay ${near}"?`}`, {
      code: 'P2PAY_COMMAND_UNKNOWN',
      suggestions: ['p2pay --help lists the commands'],
    }),
    {command: 'p2pay', flags: []},
  )
  const {causes: _, ...error} = report
  if (argv.includes('--json')) process.stdout.write(`${JSON.stringify({error}, null, 2)}\n`)
  else process.stderr.write(renderReport(report, undefined))
  this.exit(report.exit)
}

export default hook
