import { defineConfig } from 'vitest/config';

/**
 * `unit` touches nothing outside the process, `integration` one real part at a time, `e2e` the whole with the lab server,
 * `neutron` the whole with the real neutron-server.
 */
export default defineConfig({
  test: {
    projects: [
      // A law's hundreds of runs take their time on a machine with other work.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // Each file has its own hosts, brokers and ports; most of the time it waits.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'neutron',
          include: ['test/neutron/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
