/** The first packet of a connection: what the client asks for, and what it is told about the server. */
import {ClientProblem, message, readText} from './wire.js'

/** The only database there is. */
const DATABASE = 'postgres'
export const SSL_REQUEST = 80_877_103
export const GSS_REQUEST = 80_877_104
export const CANCEL_REQUEST = 80_877_102

/** Parameters of the startup packet that are not settings. */
const NOT_SETTINGS: ReadonlySet<string> = new Set(['user', 'database', 'options', 'replication'])

/** What clients are told at the beginning and after a change (manual, "Asynchronous Operations"). */
export const REPORTED = `
SELECT name, setting FROM pg_settings WHERE name IN ('application_name', 'client_encoding', 'DateStyle',
  'default_transaction_read_only', 'in_hot_standby', 'integer_datetimes', 'IntervalStyle', 'is_superuser',
  'search_path', 'server_encoding', 'server_version', 'session_authorization', 'standard_conforming_strings', 'TimeZone')`

export function parameterStatus(rows: readonly Record<string, unknown>[]): Buffer {
  return Buffer.concat(rows.map(row => message('S', String(row['name']), String(row['setting']))))
}

/**
 * The settings that a startup packet asks for.
 *
 * @throws ClientProblem when it asks for another protocol or another database
 */
export function readStartup(packet: Buffer): Map<string, string> {
  if (packet.readInt32BE(0) >> 16 !== 3) {
    throw new ClientProblem('FATAL', '08P01', 'only protocol version 3 is spoken here')
  }
  const parameters = readParameters(packet)
  // Who the client is does not matter: everybody on this machine is trusted and becomes the one user there is.
  const database = parameters.get('database') ?? parameters.get('user') ?? ''
  if (database !== DATABASE) {
    throw new ClientProblem('FATAL', '3D000', `database "${database}" does not exist; the only one is "${DATABASE}"`)
  }
  const settings = new Map([...parameters].filter(([name]) => !NOT_SETTINGS.has(name) && !name.startsWith('_pq_.')))
  for (const [name, value] of readOptions(parameters.get('options') ?? '')) settings.set(name, value)
  return settings
}

function readParameters(packet: Buffer): Map<string, string> {
  const parameters = new Map<string, string>()
  for (let at = 4; at < packet.length && packet[at] !== 0; ) {
    const name = readText(packet, at)
    const value = readText(packet, name.end)
    parameters.set(name.text, value.text)
    at = value.end
  }
  return parameters
}

/** `-c name=value` and `--name=value` of the startup parameter `options`; backslashes keep spaces. */
function readOptions(options: string): [string, string][] {
  const words = options.match(/(?:\\.|\S)+/g)?.map(word => word.replace(/\\(.)/g, '$1')) ?? []
  const settings = words.join(' ').matchAll(/(?:-c ?|--)([\w.-]+)=(.*?)(?= -c ?[\w.]+=| --[\w.-]+=|$)/g)
  return Array.from(settings, match => [(match[1] ?? '').replaceAll('-', '_'), match[2] ?? ''])
}
