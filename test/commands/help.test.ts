/** The command surface as users see it. A change here is a change for them: update with UPDATE_GOLDEN=1. */
import {readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {run} from '../support/p2pay.js'

const COMMANDS = [
  '',
  'accounts',
  'clean',
  'compare',
  'detect',
  'doctor',
  'generate',
  'loadtest',
  'migrate',
  'report',
  'run',
  'serve',
  'topics create',
  'topics describe',
  'topics list',
  'truth',
  'up',
  'validate',
]

const golden = (name: string): string => fileURLToPath(new URL(`../golden/help/${name}.txt`, import.meta.url))
const commandsIn = (directory: URL): string[] =>
  readdirSync(directory, {withFileTypes: true}).flatMap(entry =>
    entry.isDirectory()
      ? commandsIn(new URL(`${entry.name}/`, directory)).map(name => `${entry.name} ${name}`)
      : [entry.name.replace(/\.ts$/, '')],
  )

describe('p2pay --help', () => {
  it('covers every command', () => {
    expect(commandsIn(new URL('../../src/commands/', import.meta.url)).toSorted()).toEqual(COMMANDS.slice(1))
  })

  it.each(COMMANDS)('p2pay %s --help', async command => {
    const {stdout, stderr, exitCode} = await run([...command.split(' ').filter(Boolean), '--help'], {
      cwd: process.cwd(),
      env: {COLUMNS: '100'},
    })
    // The version line names the machine.
    const text = stdout.replace(/^ {2}p2pay\/.*$/m, '  p2pay/VERSION')
    const path = golden(command === '' ? 'p2pay' : command.replaceAll(' ', '-'))
    if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(path, text)
    expect(exitCode, stderr).toBe(0)
    expect(text).toBe(readFileSync(path, 'utf8'))
  })
})
