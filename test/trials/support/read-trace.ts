import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** A system call that strace saw, of those whose first argument is a file. */
export interface TracedCall {
  name: string;
  /** Path, or both ends of a connection as in `TCP:[127.0.0.1:1->127.0.0.1:2]`. */
  file: string;
  /** All that strace wrote of its arguments, what is written to the file included. */
  text: string;
  /** Where it began and ended in the order of all that was traced. */
  begin: number;
  end: number;
  result: number;
}

const whole = /^(\d+) +(\w+)\(\d+<((?:TCP|UNIX)[^\]]*\]|[^>]*)>(.*)\) += (-?\d+)/;
const begun = /^(\d+) +(\w+)\(\d+<((?:TCP|UNIX)[^\]]*\]|[^>]*)>(.*) <unfinished \.\.\.>$/;
const resumed = /^(\d+) +<\.\.\. (\w+) resumed>.*\) += (-?\d+)/;

/**
 * The calls in a file of `strace -f -yy -o`, in the order in which they ended. strace writes a line when a call begins and goes on with it
 * when it ends; whenever a call of another thread comes in between, the line is broken and resumed.
 */
export async function* readTrace(file: string): AsyncGenerator<TracedCall> {
  const open = new Map<string, TracedCall>();
  let place = 0;
  for await (const line of createInterface({ input: createReadStream(file, 'latin1') })) {
    place++;
    const [, thread = '', name = '', path = '', text = '', result] = whole.exec(line) ?? begun.exec(line) ?? [];
    if (name === '') {
      const call = endOf(line, open, place);
      if (call) yield call;
      continue;
    }
    const call = { name, file: path, text, begin: place, end: place, result: Number(result) };
    if (result === undefined) open.set(thread, call);
    else yield call;
  }
}

function endOf(line: string, open: Map<string, TracedCall>, place: number): TracedCall | null {
  const [, thread = '', name, result] = resumed.exec(line) ?? [];
  const call = open.get(thread);
  if (!call || call.name !== name) return null;
  open.delete(thread);
  return { ...call, end: place, result: Number(result) };
}
