import {defineConfig} from 'vitest/config'

// .ci/run names a file here, to count tests over all runs and to see that none was skipped.
const reportFile = process.env['P2PAY_TEST_REPORT']

// The service suite needs real services: a missing one fails the suite (see test/services/setup.ts).
export default defineConfig({
  test: {
    include: ['test/services/**/*.test.ts'],
    globalSetup: ['test/services/setup.ts'],
    disableConsoleIntercept: true,
    reporters: reportFile ? ['default', ['json', {outputFile: reportFile}]] : ['default'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    fileParallelism: false,
    pool: 'forks',
  },
})
