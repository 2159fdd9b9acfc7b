import { useFormats } from '../i18n/formats.ts';
import { useLocale } from '../i18n/locale.ts';
import type { RequestRow } from './use-recent-requests.ts';

type Charged = Pick<RequestRow, 'cost' | 'outcome' | 'usageSource' | 'tokens'>;

/** Amounts of money in words. What is not known is never shown as nothing. */
export function useCosts() {
  const { t } = useLocale();
  const formats = useFormats();
  return {
    /** @param cost As the admin API has it: null where no price is known. */
    costOf: (cost: string | null): string => (cost === null ? t.value.costs.noPrice : formats.value.dollars(cost)),
    costOfRequest({ cost, outcome, usageSource, tokens }: Charged): string {
      if (cost === null) return t.value.costs.noPrice;
      const isUnknown = outcome === 'IN_PROGRESS' || (usageSource === 'unknown' && tokens.total === 0);
      return `${tokens.isEstimated && !isUnknown ? '≈ ' : ''}${formats.value.dollars(isUnknown ? null : cost)}`;
    },
    /** Why token counts are not what Google told at the end; null when they are. */
    sourceInWords(usageSource: string | null): string | null {
      if (usageSource === null || usageSource === 'upstream') return null;
      return (t.value.costs.usageSources as Record<string, string>)[usageSource] ?? usageSource;
    },
  };
}
