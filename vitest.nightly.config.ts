import {defineConfig} from 'vitest/config'

// The long fault runs, on the embedded services and on real ones; a missing service fails them (test/services/setup.ts).
export default defineConfig({
  test: {
    include: ['test/nightly/**/*.test.ts'],
    globalSetup: ['test/services/setup.ts'],
    disableConsoleIntercept: true,
    testTimeout: 240_000,
    hookTimeout: 180_000,
    fileParallelism: false,
    pool: 'forks',
  },
})
