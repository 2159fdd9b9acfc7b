/** Wrong name, password, code or session. */
export class Unauthenticated extends Error {
  override name = 'Unauthenticated';
}

/** Too many tries. */
export class Throttled extends Error {
  override name = 'Throttled';
  readonly retryAfterSeconds: number;
  constructor(retryAfterSeconds: number) {
    super(`Too many tries. Wait ${retryAfterSeconds} s and try again.`);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export interface FieldProblem {
  path: string[];
  message: string;
}

/** The input breaks a rule. */
export class InvalidInput extends Error {
  override name = 'InvalidInput';
  readonly fields: FieldProblem[];
  constructor(fields: FieldProblem[]) {
    super(fields.map(({ message }) => message).join(' '));
    this.fields = fields;
  }
}
