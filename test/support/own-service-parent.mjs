// A process that starts a service of its own and never stops it: what becomes of the service when this one is killed.

const load = path => import(new URL(`../../dist/lib/${path}`, import.meta.url).href)
const [{startOwnService}, {systemClock}] = await Promise.all([load('cli/own-service.js'), load('base/clock.js')])
const service = await startOwnService({
  dir: process.argv[2],
  detectorFlags: [],
  signal: new AbortController().signal,
  clock: systemClock,
  note: text => process.stderr.write(`${text}\n`),
})
process.stdout.write(`${JSON.stringify({pid: service.pid, url: service.url, brokers: service.brokers})}\n`)
