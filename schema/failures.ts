import { builder } from './builder.ts';

/** An expected failure as data: scripts branch on `code`, people read `message`. */
export interface Failure {
  __typename: 'InvalidInputError' | 'NotFoundError' | 'ConflictError' | 'UnauthenticatedError' | 'ThrottledError';
  code: string;
  message: string;
  fields?: { path: string[]; message: string }[];
  retryAfterSeconds?: number;
}

const ErrorInterface = builder.interfaceRef<Failure>('Error').implement({
  description: 'What every expected failure has.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable; for programs.' }),
    message: t.exposeString('message', { description: 'What went wrong and what to do; for people.' }),
  }),
});

const FieldProblem = builder.objectRef<{ path: string[]; message: string }>('FieldProblem').implement({
  description: 'A field of the input that cannot be accepted.',
  fields: (t) => ({
    path: t.exposeStringList('path', { description: 'Where in the input.' }),
    message: t.exposeString('message', { description: 'What it takes.' }),
  }),
});

const failure = (name: Failure['__typename'], description: string) =>
  builder.objectRef<Failure>(name).implement({ description, interfaces: [ErrorInterface] });

export const NotFoundError = failure('NotFoundError', 'Nothing has that id.');
export const ConflictError = failure('ConflictError', 'It exists already, or its state forbids this.');
export const UnauthenticatedError = failure('UnauthenticatedError', 'Wrong name, password or code.');
export const InvalidInputError = builder.objectRef<Failure>('InvalidInputError').implement({
  description: 'The input breaks a rule.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    fields: t.field({ type: [FieldProblem], description: 'What breaks it.', resolve: ({ fields }) => fields ?? [] }),
  }),
});
export const ThrottledError = builder.objectRef<Failure>('ThrottledError').implement({
  description: 'Too many tries.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    retryAfterSeconds: t.int({ description: 'How long to wait.', resolve: (error) => error.retryAfterSeconds ?? 1 }),
  }),
});

const types = {
  not_found: 'NotFoundError',
  conflict: 'ConflictError',
  unauthenticated: 'UnauthenticatedError',
} as const;

/** Does the work of a mutation; expected failures become data, others are thrown on. The one place that knows the server's errors. */
export async function orFailure<Success>(work: () => Promise<Success>): Promise<Success | Failure> {
  try {
    return await work();
  } catch (thrown) {
    const error = thrown as Error & Partial<Failure>;
    const { message } = error;
    switch (error.name) {
      case 'Refusal':
        return { __typename: types[error.code as keyof typeof types], code: error.code as string, message };
      case 'Unauthenticated':
        return { __typename: 'UnauthenticatedError', code: 'unauthenticated', message };
      case 'Throttled':
        return {
          __typename: 'ThrottledError',
          code: 'throttled',
          message,
          retryAfterSeconds: error.retryAfterSeconds ?? 1,
        };
      case 'InvalidInput':
        return { __typename: 'InvalidInputError', code: 'invalid_input', message, fields: error.fields ?? [] };
      default:
        throw thrown;
    }
  }
}

/** What `orFailure` returns for an input that the schema itself cannot check. */
export function invalidInput(field: string | string[], message: string): Failure {
  const path = [field].flat();
  return { __typename: 'InvalidInputError', code: 'invalid_input', message, fields: [{ path, message }] };
}

/** The type of a mutation's answer: its success or one of the failures it can meet. */
export function resultUnion<Name extends string>(
  name: Name,
  success: ReturnType<typeof builder.objectRef<{ __typename: string }>>,
  failures: (typeof NotFoundError)[],
) {
  return builder.unionType(name, {
    description: 'Success, or an expected failure.',
    types: [success, ...failures],
    resolveType: (value) => (value as { __typename: string }).__typename,
  });
}
