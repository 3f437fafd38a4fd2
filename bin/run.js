#!/usr/bin/env node
// A closed pipe (`p2pay generate --out stdout | head`) is the reader's choice, not an error.
process.stdout.on('error', error => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const {execute} = await import('@oclif/core')
await execute({dir: import.meta.url})
