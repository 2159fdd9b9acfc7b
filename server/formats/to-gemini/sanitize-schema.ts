import { invalidRequest } from '../api-error.ts';
import { toText } from './read-fields.ts';

const depthMax = 64;
/** Keywords that Gemini refuses or that have no meaning for it. */
const dropped = new Set(['$schema', 'strict', '$comment', 'examples', 'default']);
/** Keywords that hold a schema, or a list of schemas. Others hold values of the client's own, which stay as they are. */
const holdSchemas = new Set(
  `items prefixItems additionalItems contains unevaluatedItems additionalProperties unevaluatedProperties propertyNames anyOf oneOf
   not if then else`.split(/\s+/),
);
/** Keywords that hold schemas by names of the client's own. */
const holdNamedSchemas = new Set(['properties', '$defs', 'patternProperties', 'dependentSchemas']);

type Schema = Record<string, unknown>;

/** A copy of a JSON Schema in the dialect that `responseJsonSchema` and `parametersJsonSchema` accept. @param path For the error, if it is too deep. */
export function sanitizeSchema(schema: unknown, path: string, depth = 0): unknown {
  if (depth > depthMax) throw invalidRequest(`The schema is nested more than ${depthMax} levels deep.`, path);
  if (schema === true) return {};
  if (Array.isArray(schema)) return schema.map((item) => sanitizeSchema(item, path, depth + 1));
  if (!isSchema(schema)) return schema;
  const flat = withDefs(mergeAllOf(schema));
  const isReference = typeof flat.$ref === 'string';
  const result: Schema = {};
  for (const [keyword, value] of Object.entries(flat)) {
    // Beside `$ref` only other keys with a dollar sign may stand.
    if (isReference && !keyword.startsWith('$')) continue;
    if (dropped.has(keyword) || keyword === 'nullable' || keyword === 'const') continue;
    if (keyword === '$ref') result.$ref = String(value).replace('#/definitions/', '#/$defs/');
    else if (holdNamedSchemas.has(keyword)) result[keyword] = sanitizeNamed(value, path, depth);
    else if (holdSchemas.has(keyword) && !isOpenness(keyword, value))
      result[keyword] = sanitizeSchema(value, path, depth + 1);
    else result[keyword] = value;
  }
  return isReference ? result : withoutGaps(withConst(result, flat), flat);
}

function sanitizeNamed(value: unknown, path: string, depth: number): Schema {
  const entries = Object.entries(isSchema(value) ? value : {});
  return Object.fromEntries(entries.map(([key, child]) => [key, sanitizeSchema(child, path, depth + 1)]));
}

/** `additionalProperties: true` is understood as it is. */
function isOpenness(keyword: string, value: unknown): boolean {
  return keyword === 'additionalProperties' && typeof value === 'boolean';
}

/** `definitions` under the name that they have today. */
function withDefs({ definitions, ...schema }: Schema): Schema {
  if (!isSchema(definitions)) return schema;
  return { ...schema, $defs: { ...definitions, ...(isSchema(schema.$defs) && schema.$defs) } };
}

function withConst(result: Schema, { const: constant }: Schema): Schema {
  if (constant === undefined) return result;
  const type = typeof constant;
  const isScalar = type === 'string' || type === 'number' || type === 'boolean';
  return { ...(isScalar && result.type === undefined && { type }), ...result, enum: [constant] };
}

function withoutGaps({ required, ...result }: Schema, { nullable }: Schema): Schema {
  if (nullable === true && typeof result.type === 'string') result.type = [result.type, 'null'];
  const known = isSchema(result.properties) ? result.properties : {};
  const isKnown = (name: unknown) => Object.hasOwn(known, toText(name));
  const kept = Array.isArray(required) ? required.filter(isKnown) : [];
  return kept.length > 0 ? { ...result, required: kept } : result;
}

/** One schema of all that has to hold. What stands beside `allOf` wins, then what comes first. */
function mergeAllOf(schema: Schema): Schema {
  const { allOf, ...rest } = schema;
  if (!Array.isArray(allOf)) return schema;
  const members = [rest, ...allOf.filter(isSchema).map(mergeAllOf)];
  const merged: Schema = Object.assign({}, ...members.toReversed());
  const properties = members.map((member) => member.properties).filter(isSchema);
  const required = members.flatMap((member) => (Array.isArray(member.required) ? member.required : []));
  if (properties.length > 0) merged.properties = Object.assign({}, ...properties);
  if (required.length > 0) merged.required = [...new Set(required)];
  return merged;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
