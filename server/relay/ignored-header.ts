/** Names that can stand in a header: whatever else a body has as a field stays untold. */
const tellable = /^[\w.-]{1,64}$/;
const namesMax = 32;

/** `x-ignored-params` with the fields of a body that had no effect; nothing when there are none. */
export function ignoredHeader(params: readonly string[]): Record<string, string> {
  const names = params.filter((name) => tellable.test(name)).slice(0, namesMax);
  return names.length > 0 ? { 'x-ignored-params': names.join(',') } : {};
}
