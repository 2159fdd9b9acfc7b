/** So often it is told how far long work has come. */
const everyMs = 1000;

/** Tells on the standard error how far a work has come, once a second. @param verb For example `checked`. */
export function createProgress(verb: string): (position: number) => void {
  let toldAt = performance.now();
  return (position) => {
    if (performance.now() - toldAt < everyMs) return;
    toldAt = performance.now();
    console.error(`${verb} ${position} events`);
  };
}
