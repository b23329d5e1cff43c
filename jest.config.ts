import type { Config } from 'jest';

const common: Config = {
  testEnvironment: 'node',
  testMatch: ['**/*.spec.ts'],
  setupFilesAfterEnv: ['<rootDir>/spec/setup/own-cache.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^registry-api-v2-client$': '<rootDir>/lib/index.ts',
    '^registry-api-v2-client/container$': '<rootDir>/lib/container.ts',
    '^registry-api-v2-client/testing$': '<rootDir>/lib/testing/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: { '^.+\\.ts$': ['ts-jest', { useESM: true, tsconfig: 'tsconfig.json' }] },
};

/** Two projects, so that only a run with integration specs in it needs a registry. */
const config: Config = {
  testTimeout: 30_000,
  // jest's own default leaves a core idle, which on two cores is half of the machine.
  maxWorkers: '100%',
  projects: [
    {
      ...common,
      displayName: 'unit',
      roots: ['<rootDir>/spec'],
      // What takes minutes has a command of its own: npm run test:faults.
      testPathIgnorePatterns: ['<rootDir>/spec/integration/', '<rootDir>/spec/faults/'],
    },
    {
      ...common,
      displayName: 'integration',
      roots: ['<rootDir>/spec/integration'],
      globalSetup: '<rootDir>/spec/setup/global-setup.ts',
      globalTeardown: '<rootDir>/spec/setup/global-teardown.ts',
    },
  ],
};

export default config;
