#!/usr/bin/env node
const {execute} = await import('@oclif/core')

// The framework's own listener throws, which would end a command that writes payments there before it can say more.
process.stdout.removeAllListeners('error')
process.stdout.on('error', error => {
  // A closed pipe (`p2pay generate --out stdout | head`) is the reader's choice, not an error.
  if (error.code === 'EPIPE') process.exit(0)
  // Whoever writes payments there listens too, and says what became of them.
  if (process.stdout.listenerCount('error') > 1) return
  process.stderr.write(`Error: stdout cannot be written: ${error.message}\nCode: P2PAY_STDOUT\n`)
  process.exit(3)
})
// Progress that nobody can read is no reason to end a run.
process.stderr.removeAllListeners('error')
process.stderr.on('error', () => {})

await execute({dir: import.meta.url})
