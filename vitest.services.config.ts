import {defineConfig} from 'vitest/config'

// The service suite needs real services: a missing one fails the suite (see test/services/setup.ts).
export default defineConfig({
  test: {
    include: ['test/services/**/*.test.ts'],
    globalSetup: ['test/services/setup.ts'],
    disableConsoleIntercept: true,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    fileParallelism: false,
    pool: 'forks',
  },
})
