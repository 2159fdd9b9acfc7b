import { invalidRequest } from '../api-error.ts';
import { toText } from './read-fields.ts';

const depthMax = 64;
/** Keywords that Gemini refuses or that have no meaning for it. */
const dropped = new Set(['$schema', 'strict', '$comment', 'examples', 'default']);

type Schema = Record<string, unknown>;

/** A copy of a JSON Schema in the dialect that `responseJsonSchema` and `parametersJsonSchema` accept. @param path For the error, if it is too deep. */
export function sanitizeSchema(schema: unknown, path: string, depth = 0): unknown {
  if (depth > depthMax) throw invalidRequest(`The schema is nested more than ${depthMax} levels deep.`, path);
  if (schema === true) return {};
  if (Array.isArray(schema)) return schema.map((item) => sanitizeSchema(item, path, depth + 1));
  if (!isSchema(schema)) return schema;
  const flat = Array.isArray(schema.allOf) ? mergeAllOf(schema) : schema;
  if (typeof flat.$ref === 'string') return refOnly(flat);
  const result: Schema = {};
  for (const [keyword, value] of Object.entries(flat)) {
    if (dropped.has(keyword) || keyword === 'nullable' || keyword === 'const') continue;
    if (keyword === 'enum' || keyword === 'required' || keyword === 'type') result[keyword] = value;
    else if (keyword === 'properties' || keyword === '$defs' || keyword === 'definitions') {
      const entries = Object.entries(isSchema(value) ? value : {});
      const name = keyword === 'definitions' ? '$defs' : keyword;
      result[name] = Object.fromEntries(entries.map(([key, child]) => [key, sanitizeSchema(child, path, depth + 1)]));
    } else result[keyword] = sanitizeSchema(value, path, depth + 1);
  }
  return withoutGaps(withConst(result, flat), flat);
}

function withConst(result: Schema, { const: constant }: Schema): Schema {
  if (constant === undefined) return result;
  const type = typeof constant;
  const isScalar = type === 'string' || type === 'number' || type === 'boolean';
  return { ...(isScalar && result.type === undefined && { type }), ...result, enum: [constant] };
}

function withoutGaps(result: Schema, { nullable }: Schema): Schema {
  if (nullable === true && typeof result.type === 'string') result.type = [result.type, 'null'];
  if (Array.isArray(result.required) && isSchema(result.properties)) {
    const { properties } = result;
    result.required = result.required.filter((name) => Object.hasOwn(properties as object, toText(name)));
  }
  return result;
}

/** Beside `$ref` only other keys with a dollar sign may stand. */
function refOnly(schema: Schema): Schema {
  const entries = Object.entries(schema).filter(([keyword]) => keyword.startsWith('$') && !dropped.has(keyword));
  return Object.fromEntries(
    entries.map(([keyword, value]) => [
      keyword,
      keyword === '$ref' ? String(value).replace('#/definitions/', '#/$defs/') : value,
    ]),
  );
}

function mergeAllOf({ allOf, ...rest }: Schema): Schema {
  const members = [rest, ...(allOf as unknown[]).filter(isSchema)];
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
