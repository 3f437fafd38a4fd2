/**
 * Throw-away certificates for one run of the suite: an authority, a server certificate for the loopback address, and
 * a client certificate for mutual TLS. Made by openssl in a temporary directory; nothing of it is ever committed.
 */
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {runCommand} from '../process.js'

export interface Certificates {
  readonly caFile: string
  /** Key and certificate in one file, as Kafka's PEM key store wants it. */
  readonly serverPemFile: string
  readonly clientCertFile: string
  readonly clientKeyFile: string
}

const LIFE_DAYS = '2'

/** @throws Error when openssl is missing */
export async function makeCertificates(directory: string): Promise<Certificates> {
  const path = (name: string): string => join(directory, name)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc']
  await runCommand('openssl', [
    ...['req', '-x509', ...newKey, '-days', LIFE_DAYS, '-subj', '/CN=p2pay test authority'],
    ...['-keyout', path('ca.key'), '-out', path('ca.crt')],
  ])
  const sign = async (name: string, subject: string, extensions: string): Promise<void> => {
    await writeFile(path(`${name}.ext`), extensions)
    await runCommand('openssl', [
      ...['req', ...newKey, '-subj', subject],
      ...['-keyout', path(`${name}.key`), '-out', path(`${name}.csr`)],
    ])
    await runCommand('openssl', [
      ...['x509', '-req', '-in', path(`${name}.csr`), '-days', LIFE_DAYS, '-extfile', path(`${name}.ext`)],
      ...['-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-CAcreateserial', '-out', path(`${name}.crt`)],
    ])
  }
  await sign('server', '/CN=localhost', 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
  await sign('client', '/CN=p2pay test client', 'extendedKeyUsage=clientAuth\n')
  await writeFile(path('server.pem'), [await readFile(path('server.key')), await readFile(path('server.crt'))].join(''))
  return {
    caFile: path('ca.crt'),
    serverPemFile: path('server.pem'),
    clientCertFile: path('client.crt'),
    clientKeyFile: path('client.key'),
  }
}
