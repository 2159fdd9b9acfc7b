const minuteMs = 60_000;

/** Quotas per model and minute as Google keeps them. The function made takes one unit and returns 0, or how long to wait, ms. */
export function minuteQuota(limit: number, now: () => number): (model: string) => number {
  const takenByModel = new Map<string, number[]>();
  return (model) => {
    const at = now();
    const taken = (takenByModel.get(model) ?? []).filter((time) => time > at - minuteMs);
    const [oldest] = taken;
    if (oldest !== undefined && taken.length >= limit) return oldest + minuteMs - at;
    takenByModel.set(model, [...taken, at]);
    return 0;
  };
}
