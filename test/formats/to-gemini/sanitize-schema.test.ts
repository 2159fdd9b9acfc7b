import { expect, test } from 'vitest';
import { sanitizeSchema } from '../../../server/formats/to-gemini/sanitize-schema.ts';

const text = { type: 'string' };

test.each<[string, unknown, unknown]>([
  [
    'what has no meaning for Gemini goes, also below',
    {
      $schema: 's',
      $comment: 'c',
      strict: true,
      type: 'object',
      properties: { a: { ...text, default: 'x', examples: [1] } },
    },
    { type: 'object', properties: { a: text } },
  ],
  [
    'properties may be named as keywords are',
    { type: 'object', properties: { default: text, strict: text, const: text, nullable: text }, required: ['default'] },
    { type: 'object', properties: { default: text, strict: text, const: text, nullable: text }, required: ['default'] },
  ],
  ['a constant is an enum of one', { const: 5 }, { type: 'number', enum: [5] }],
  ['a constant keeps the type that is named', { type: 'integer', const: 5 }, { type: 'integer', enum: [5] }],
  ['a constant that is no scalar gets no type', { const: null }, { enum: [null] }],
  [
    'definitions have their new name, everywhere',
    { properties: { a: { $ref: '#/definitions/A' } }, definitions: { A: { definitions: { B: { const: 'b' } } } } },
    { properties: { a: { $ref: '#/$defs/A' } }, $defs: { A: { $defs: { B: { type: 'string', enum: ['b'] } } } } },
  ],
  [
    'definitions under both names are kept',
    { $defs: { A: text }, definitions: { B: text } },
    { $defs: { A: text, B: text } },
  ],
  [
    'a root that only refers keeps its definitions, cleaned',
    { $schema: 's', $ref: '#/definitions/A', definitions: { A: { ...text, default: '' } }, title: 't' },
    { $ref: '#/$defs/A', $defs: { A: text } },
  ],
  [
    'beside a reference only keys with a dollar sign stay',
    { $ref: '#/$defs/A', $id: 'i', description: 'd' },
    { $ref: '#/$defs/A', $id: 'i' },
  ],
  [
    'all that has to hold is one schema, at any depth',
    {
      description: 'd',
      properties: { a: text },
      required: ['a'],
      allOf: [
        { type: 'object', properties: { b: text }, required: ['b', 'a'] },
        { allOf: [{ properties: { c: text }, required: ['c'] }] },
      ],
    },
    { type: 'object', description: 'd', properties: { a: text, b: text, c: text }, required: ['a', 'b', 'c'] },
  ],
  [
    'a single member that refers is the reference',
    { allOf: [{ $ref: '#/$defs/A' }], description: 'd' },
    { $ref: '#/$defs/A' },
  ],
  ['nullable is a type', { ...text, nullable: true }, { type: ['string', 'null'] }],
  ['not nullable is nothing', { ...text, nullable: false }, text],
  ['a schema that allows all is an empty one', { items: true, anyOf: [true, text] }, { items: {}, anyOf: [{}, text] }],
  ['additionalProperties stays as it is', { additionalProperties: true }, { additionalProperties: true }],
  [
    'a schema in additionalProperties is cleaned',
    { additionalProperties: { const: 1 } },
    { additionalProperties: { type: 'number', enum: [1] } },
  ],
  [
    'keywords that hold no schema stay as they are',
    {
      type: 'array',
      uniqueItems: true,
      items: { format: 'uri', readOnly: true, enum: [{ default: 1 }] },
      'x-own': { default: 1 },
    },
    {
      type: 'array',
      uniqueItems: true,
      items: { format: 'uri', readOnly: true, enum: [{ default: 1 }] },
      'x-own': { default: 1 },
    },
  ],
  [
    'only properties that exist are required, in order',
    { properties: { b: text, a: text }, required: ['b', 'ghost', 'a'] },
    { properties: { b: text, a: text }, required: ['b', 'a'] },
  ],
  [
    'nothing is required of a schema without properties, nor by a list in which nothing is left',
    { anyOf: [{ required: ['a'] }, { type: 'object', required: ['b'] }, { properties: { c: text }, required: ['d'] }] },
    { anyOf: [{}, { type: 'object' }, { properties: { c: text } }] },
  ],
])('%s', (_name, schema, expected) => {
  const before = JSON.stringify(schema);
  expect(sanitizeSchema(schema, 'p')).toEqual(expected);
  expect(JSON.stringify(schema)).toBe(before);
});

test('a strict schema of OpenAI passes unchanged', () => {
  const strict = {
    type: 'object',
    properties: { a: { type: ['string', 'null'] }, b: { anyOf: [{ type: 'integer' }, { type: 'null' }] } },
    required: ['a', 'b'],
    additionalProperties: false,
  };
  expect(sanitizeSchema(strict, 'p')).toEqual(strict);
});

test('a schema without end is refused by the name of its field', () => {
  let schema: object = {};
  for (let depth = 0; depth < 100; depth++) schema = { items: schema };
  expect(() => sanitizeSchema(schema, 'tools.f.parameters')).toThrow(
    expect.objectContaining({ param: 'tools.f.parameters' }),
  );
});
