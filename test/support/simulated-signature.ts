const mark = 'simulated-thought-signature-';

/** A thought signature as opaque as Google's. */
export function makeSignature(number: number): string {
  return Buffer.from(`${mark}${number}`).toString('base64');
}

/** Whether the simulator made it; Google refuses what it did not make. */
export function isSignature(text: string): boolean {
  return Buffer.from(text, 'base64').toString().startsWith(mark);
}
