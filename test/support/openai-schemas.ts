import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';

/** OpenAI's published schemas; they are not part of this project, so tests with them are skipped where the file is absent. */
const file = '../shared/openai-schemas.json';

export const hasOpenAiSchemas = existsSync(file);

type Schemas = Record<string, { properties: Record<string, unknown> }>;

/** What is wrong with a value after one of OpenAI's schemas, as sentences; empty when all is right. */
export function openAiProblems(name: string, value: unknown): string[] {
  const ajv = load();
  const validate = ajv.getSchema(`openai#/components/schemas/${name}`);
  if (!validate) throw new Error(`OpenAI has no schema ${name}.`);
  validate(value);
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath || 'value'} ${message} ${JSON.stringify(params)}`,
  );
}

let loaded: Ajv | undefined;

function load(): Ajv {
  if (loaded) return loaded;
  const openai = JSON.parse(readFileSync(file, 'utf8')) as { components: { schemas: Schemas } };
  const { ModelResponseProperties } = openai.components.schemas;
  // OpenAI itself answers `"user": null`, which its schema leaves out.
  if (ModelResponseProperties) ModelResponseProperties.properties.user = { type: ['string', 'null'] };
  loaded = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  return loaded.addSchema({ $id: 'openai', ...openai });
}
