import type { ClientKey } from '../composables/use-client-keys.ts';
import type { JobRow } from '../composables/use-job.ts';
import type { RequestRow } from '../composables/use-recent-requests.ts';
import type { UpstreamKeyStatus } from '../composables/use-upstream-keys.ts';
import type { Tone } from './StatusBadge.vue';

/** Which colour stands for which state, the same everywhere. */
export const keyTones: Record<UpstreamKeyStatus, Tone> = {
  ACTIVE: 'good',
  COOLING_DOWN: 'warning',
  EXHAUSTED: 'spent',
  REJECTED: 'bad',
  DISABLED: 'off',
};

export const clientKeyTones: Record<ClientKey['status'], Tone> = {
  ACTIVE: 'good',
  DISABLED: 'off',
  EXPIRED: 'warning',
};

export const outcomeTones: Record<RequestRow['outcome'], Tone> = {
  IN_PROGRESS: 'busy',
  SUCCEEDED: 'good',
  FAILED: 'bad',
  CANCELLED: 'off',
  REJECTED: 'warning',
};

export const jobRowTones: Record<JobRow['outcome'], Tone> = {
  ADDED: 'good',
  VALID: 'good',
  DUPLICATE: 'off',
  SKIPPED: 'off',
  INCONCLUSIVE: 'warning',
  INVALID: 'bad',
};
