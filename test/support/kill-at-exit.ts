import type { ChildProcess } from 'node:child_process';

const children = new Set<ChildProcess>();

/** Lets no child outlive this process, when that ends by itself or by `process.exit`. */
export function killAtExit(child: ChildProcess): void {
  if (children.size === 0) process.once('exit', killAll);
  children.add(child);
}

function killAll(): void {
  for (const child of children) child.kill('SIGKILL');
}
