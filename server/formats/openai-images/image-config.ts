import { invalidRequest } from '../api-error.ts';
import type { ImageSize, ModelRules } from '../model-rules.ts';
import { toText } from '../to-gemini/read-fields.ts';

/** The longest side in pixels that each size of Gemini's stands for, smallest first. */
const longestSides: readonly (readonly [size: ImageSize, pixels: number])[] = [
  ['512', 512],
  ['1K', 1792],
  ['2K', 2048],
  ['4K', Number.POSITIVE_INFINITY],
];

/** Gemini's shape and size that come nearest to OpenAI's `size`; undefined where the model may choose. @throws ApiError */
export function toImageConfig(size: unknown, rules: ModelRules): Record<string, string> | undefined {
  if (size === undefined || size === null || size === 'auto') return undefined;
  const [, width = 0, height = 0] = /^(\d{1,5})x(\d{1,5})$/.exec(toText(size))?.map(Number) ?? [];
  if (!width || !height) throw invalidRequest('`size` must be auto, or width x height such as 1024x1024.', 'size');
  const longest = Math.max(width, height);
  const [imageSize] = longestSides.find(([size, pixels]) => longest <= pixels && rules.imageSizes.includes(size)) ?? [];
  return { aspectRatio: nearestRatio(width / height, rules.aspectRatios), ...(imageSize && { imageSize }) };
}

/** Shapes are near when one has to be stretched little to become the other: the distance of their logarithms. */
function nearestRatio(wanted: number, ratios: readonly string[]): string {
  const distanceOf = (ratio: string) => {
    const [width = 1, height = 1] = ratio.split(':').map(Number);
    return Math.abs(Math.log(width / height) - Math.log(wanted));
  };
  return ratios.reduce((best, ratio) => (distanceOf(ratio) < distanceOf(best) ? ratio : best));
}
