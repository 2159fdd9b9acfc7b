import uPlot from 'uplot';
import type { createFormats } from '../../i18n/formats.ts';

export interface ChartStyle {
  requests: string;
  failed: string;
  tokens: string;
  text: string;
  line: string;
  font: string;
}

interface ChartParts {
  width: number;
  height: number;
  style: ChartStyle;
  locale: string;
  isByHour: boolean;
  formats: ReturnType<typeof createFormats>;
  /** The place of the point under the pointer in the data; null for none. */
  onPoint(index: number | null): void;
}

/** Bars for requests, with the failed ones in front, and a line for tokens with a scale of its own. */
export function chartOptions({ width, height, style, locale, isByHour, formats, onPoint }: ChartParts): uPlot.Options {
  const bars = uPlot.paths.bars?.({ size: [0.72, 36], radius: 0.12 });
  const axis = { stroke: style.text, font: style.font, ticks: { show: false } };
  const amounts = (_chart: uPlot, values: number[]) => values.map((value) => formats.compact(value));
  const whole = (_chart: uPlot, _axis: number, _min: number, max: number, _step: number, space: number) =>
    wholeSteps(max, height / Math.max(space, 40));
  return {
    width,
    height,
    padding: [8, 0, 0, 0],
    legend: { show: false },
    cursor: { x: false, y: false, drag: { x: false, y: false }, points: { size: 7 } },
    hooks: { setCursor: [(chart) => onPoint(chart.cursor.idx ?? null)] },
    scales: {
      x: {
        time: true,
        range: (_chart, min, max) => [min - (isByHour ? 1800 : 43_200), max + (isByHour ? 1800 : 43_200)],
      },
      requests: { range: (_chart, _min, max) => [0, Math.max(4, max * 1.08)] },
      tokens: { range: (_chart, _min, max) => [0, Math.max(4, max * 1.08)] },
    },
    axes: [
      { ...axis, grid: { show: false }, space: 64, values: timeLabels(locale) },
      { ...axis, scale: 'requests', size: 48, grid: { stroke: style.line, width: 1 }, splits: whole, values: amounts },
      { ...axis, scale: 'tokens', side: 1, size: 56, grid: { show: false }, splits: whole, values: amounts },
    ],
    series: [
      {},
      { scale: 'requests', stroke: style.requests, fill: `${style.requests}66`, paths: bars, points: { show: false } },
      { scale: 'requests', stroke: style.failed, fill: style.failed, paths: bars, points: { show: false } },
      { scale: 'tokens', stroke: style.tokens, width: 2, points: { show: false } },
    ],
  };
}

/** About `count` steps of 1, 2 or 5 times a power of ten, as there are no halves of a request. */
function wholeSteps(max: number, count: number): number[] {
  const rough = Math.max(1, max / Math.max(1, count));
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, index) => index * step);
}

function timeLabels(locale: string): uPlot.Axis.Values {
  const times = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const days = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric' });
  return (_chart, values) =>
    values.map((value) => {
      const date = new Date(value * 1000);
      return date.getHours() === 0 && date.getMinutes() === 0 ? days.format(date) : times.format(date);
    });
}
