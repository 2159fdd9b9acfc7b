import type { Fields } from './read-fields.ts';

/**
 * A form with the values that its texts stand for, so that forms and JSON are read by the same functions. A text that stands for no
 * such value is left, and is refused where it is read.
 */
export function typedForm<Form extends Fields>(form: Form, numbers: readonly string[], booleans: readonly string[]) {
  const typed: Fields = { ...form };
  for (const name of numbers) typed[name] = toNumber(form[name]);
  for (const name of booleans) typed[name] = toBoolean(form[name]);
  return typed as Form;
}

function toNumber(value: unknown): unknown {
  return typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value;
}

function toBoolean(value: unknown): unknown {
  switch (typeof value === 'string' ? value.toLowerCase() : value) {
    case 'true':
    case '1':
      return true;
    case 'false':
    case '0':
      return false;
    default:
      return value;
  }
}
