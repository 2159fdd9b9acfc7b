import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** Who may import whom, beside `config.ts`, `database.ts` and `secrets/`, which are open to all. Type imports count as well. */
const allowed: Record<string, string[]> = {
  secrets: [],
  formats: ['gemini'],
  gemini: [],
  ledger: [],
  pricing: ['ledger'],
  jobs: ['ledger'],
  signatures: ['ledger'],
  media: ['formats'],
  responses: ['formats'],
  clients: ['ledger', 'models'],
  pool: ['ledger', 'gemini', 'jobs'],
  models: ['formats', 'gemini', 'pool', 'pricing'],
  admin: ['ledger'],
  relay: ['formats', 'gemini', 'ledger', 'pool', 'signatures', 'responses', 'clients', 'media', 'models', 'pricing'],
  http: ['relay', 'formats', 'responses', 'clients', 'admin', 'ledger', 'schema', 'models'],
  writer: ['admin', 'clients', 'jobs', 'ledger', 'pool', 'pricing', 'signatures'],
};
const openToAll = ['config', 'database', 'secrets', 'migrations', 'lock-data-dir', 'entities', 'version'];

test('imports go one way', () => {
  const wrong: string[] = [];
  for (const [part, others] of Object.entries(allowed)) {
    for (const file of globSync(`server/${part}/**/*.ts`)) {
      // A command line is a process of its own and puts its parts together itself.
      if (/\/cli(?:\.ts|\/)/.test(file)) continue;
      for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(/from '(?:\.\.\/)+(\w[\w-]*)/g)) {
        const isInside = globSync(`server/${part}/${target}*`).length > 0;
        if (![...others, ...openToAll, part].includes(target) && !isInside) wrong.push(`${file} imports ${target}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('the schema knows the server by its types only', () => {
  const wrong = globSync('schema/*.ts').filter((file) =>
    /^import (?!type ).*'\.\.\/server/m.test(readFileSync(file, 'utf8')),
  );
  expect(wrong).toEqual([]);
});
