import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // graphql 17 has export conditions of its own for bundlers: without this alias Vite loads a second copy of it.
  resolve: { alias: [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }] },
  // Every CPU: Vitest would leave one idle, of two on the machines that run this, although most tests wait more than they compute.
  test: { include: ['test/**/*.test.ts'], testTimeout: 20_000, hookTimeout: 60_000, maxWorkers: '100%' },
});
