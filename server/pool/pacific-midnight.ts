const pacificTime = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Los_Angeles',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
});
const dayMs = 86_400_000;

/** The next midnight in California, ms since 1970: when Google's daily quotas begin anew, in summer and winter time. */
export function nextPacificMidnight(nowMs: number): number {
  const wholeSecond = nowMs - (nowMs % 1000);
  const wallClock = wallClockMs(wholeSecond);
  const midnightOnTheWall = wallClock - (wallClock % dayMs) + dayMs;
  // The offset at midnight, not now: the clocks may change in between.
  const guess = wholeSecond + (midnightOnTheWall - wallClock);
  return guess + (midnightOnTheWall - wallClockMs(guess));
}

/** What a clock in California shows, as if it were UTC. */
function wallClockMs(atMs: number): number {
  const parts = Object.fromEntries(pacificTime.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
