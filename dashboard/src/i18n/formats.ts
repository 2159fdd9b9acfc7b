import { computed } from 'vue';
import { useLocale } from './locale.ts';

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** The browser's time zone, in which all times are shown. */
export const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Numbers and times as the chosen language writes them. */
export function useFormats() {
  const { locale } = useLocale();
  return computed(() => createFormats(locale.value));
}

/** Stands for a number that is not known: it is never shown as zero. */
const unknown = '–';

export function createFormats(locale: string) {
  const numbers = new Intl.NumberFormat(locale);
  const compactNumbers = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
  const dollars = new Map<number, Intl.NumberFormat>();
  const dollarsWith = (digits: number) => {
    const options = { style: 'currency', currency: 'USD', minimumFractionDigits: 2 } as const;
    const known = dollars.get(digits) ?? new Intl.NumberFormat(locale, { ...options, maximumFractionDigits: digits });
    dollars.set(digits, known);
    return known;
  };
  const percents = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
  const units = (unit: string, digits: number) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits });
  const milliseconds = units('millisecond', 0);
  const seconds = units('second', 1);
  const minutes = units('minute', 0);
  const hours = units('hour', 0);
  const days = units('day', 0);
  const times = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
  const dates = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });
  const instants = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
  const hoursOfDays = new Intl.DateTimeFormat(locale, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  });
  const relatives = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });

  return {
    number: (value: number | null | undefined) => (value == null ? unknown : numbers.format(value)),
    /** Whole below 100,000, then with a unit such as `1.2M`. */
    compact: (value: number | null | undefined) =>
      value == null ? unknown : value < 100_000 ? numbers.format(value) : compactNumbers.format(value),
    /**
     * In cents; below a dollar to the third digit that tells something, such as `$0.000123`.
     * @param amount A decimal number as the admin API has it.
     */
    dollars(amount: string | null | undefined): string {
      if (amount == null) return unknown;
      const value = Number(amount);
      const digits = value > 0 && value < 1 ? Math.min(12, Math.max(2, 2 - Math.floor(Math.log10(value)))) : 2;
      return dollarsWith(digits).format(value);
    },
    percent: (value: number | null | undefined) => (value == null ? unknown : percents.format(value)),
    duration(valueMs: number | null | undefined): string {
      if (valueMs == null) return unknown;
      if (valueMs < secondMs) return milliseconds.format(valueMs);
      if (valueMs < minuteMs) return seconds.format(valueMs / secondMs);
      return minutes.format(valueMs / minuteMs);
    },
    /** A short age or wait in its largest unit, for example `12 sec`. */
    age(valueMs: number): string {
      if (valueMs < minuteMs) return seconds.format(Math.max(0, Math.round(valueMs / secondMs)));
      if (valueMs < hourMs) return minutes.format(valueMs / minuteMs);
      if (valueMs < dayMs) return hours.format(valueMs / hourMs);
      return days.format(valueMs / dayMs);
    },
    /** What is left of a wait, for example `0:42` or `7:03:10`. */
    countdown(leftMs: number): string {
      const total = Math.max(0, Math.ceil(leftMs / secondMs));
      const parts = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
      const shown = parts[0] === 0 ? parts.slice(1) : parts;
      return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
    },
    time: (iso: string) => times.format(new Date(iso)),
    /** A full hour with its day. */
    hour: (iso: string) => hoursOfDays.format(new Date(iso)),
    date: (iso: string) => dates.format(new Date(iso)),
    instant: (iso: string) => instants.format(new Date(iso)),
    /** For example `3 minutes ago`. */
    relative(iso: string, nowMs: number): string {
      const agoMs = Math.max(0, nowMs - Date.parse(iso));
      if (agoMs < minuteMs) return relatives.format(-Math.floor(agoMs / secondMs), 'second');
      if (agoMs < hourMs) return relatives.format(-Math.floor(agoMs / minuteMs), 'minute');
      if (agoMs < dayMs) return relatives.format(-Math.floor(agoMs / hourMs), 'hour');
      return relatives.format(-Math.floor(agoMs / dayMs), 'day');
    },
  };
}
