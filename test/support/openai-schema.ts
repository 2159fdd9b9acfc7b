import { existsSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

const file = '../shared/openai-schemas.json';

/** OpenAI's published schemas lie beside the project, on machines that have them. */
export const hasOpenAiSchemas = existsSync(file);

let ajv: Ajv2020 | null = null;

/** What is wrong with a body by OpenAI's published schema of that name; none where the schemas are absent. */
export function schemaProblems(name: string, body: unknown): string[] {
  if (!hasOpenAiSchemas) return [];
  if (!ajv) {
    ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    const openai = JSON.parse(readFileSync(file, 'utf8'));
    // OpenAI itself answers `"user": null`, which its schema of a response leaves out.
    openai.components.schemas.ModelResponseProperties.properties.user = { type: ['string', 'null'] };
    ajv.addSchema(openai, 'openai');
  }
  const check = ajv.getSchema(`openai#/components/schemas/${name}`);
  if (!check) throw new Error(`OpenAI has no schema ${name}.`);
  return check(body) ? [] : (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
