/** Amounts of money are whole picodollars (10^-12 US dollars): the smallest list price, $0.01 per million tokens, is 10,000 of them a token. */
export type Pico = bigint;

const picoDigits = 12;
export const picoPerDollar: Pico = 10n ** 12n;
/** What a column of SQLite can hold: about nine million dollars. */
export const picoMax: Pico = 2n ** 63n - 1n;

/**
 * @param dollars A plain decimal such as `0.075`.
 * @param decimalsMax More decimals are refused, never rounded away.
 * @throws RangeError for anything else, and for more than `picoMax`
 */
export function parseDollars(dollars: string, decimalsMax = picoDigits): Pico {
  const [, whole, decimals = ''] = /^(\d{1,9})(?:\.(\d+))?$/.exec(dollars) ?? [];
  if (whole === undefined) throw new RangeError('An amount is a plain decimal number, such as 0.075.');
  if (decimals.length > decimalsMax) throw new RangeError(`An amount has at most ${decimalsMax} decimals.`);
  const pico = BigInt(whole + decimals.padEnd(picoDigits, '0'));
  if (pico > picoMax) throw new RangeError('An amount is at most 9000000 dollars.');
  return pico;
}

/** Rounds half to even, so that many small roundings do not add up to one side. @param divisor above 0 */
export function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  const isUp = twice > divisor || (twice === divisor && quotient % 2n === 1n);
  return isUp ? quotient + 1n : quotient;
}
