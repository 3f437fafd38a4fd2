import {defineConfig} from 'vitest/config'

// .ci/run names a file here, to count tests over all runs and to see that none was skipped.
const reportFile = process.env['P2PAY_TEST_REPORT']

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/services/**', 'test/nightly/**', 'node_modules/**'],
    disableConsoleIntercept: true,
    reporters: reportFile ? ['default', ['json', {outputFile: reportFile}]] : ['default'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Many tests wait for processes rather than compute: by itself vitest leaves one of two cores idle.
    maxWorkers: 2,
  },
})
