import Papa from 'papaparse';
import type { UsageEventBody } from '../events.ts';
import type { StoredEvent } from '../history.ts';

/** One of the forms in which events leave the ledger: a line for each, some with a line before the first. */
export interface ExportFormat {
  header: string | null;
  line(event: StoredEvent): string;
}

/** All that the chain of hashes covers, verbatim: such a file can be verified by itself. */
const ndjson: ExportFormat = { header: null, line: (event) => JSON.stringify(event) };

/** CloudEvents 1.0 (cloudevents.io), JSON format: whoever takes them in twice knows by `source` and `id`. */
const cloudEvents: ExportFormat = {
  header: null,
  line({ position, eventId, type, occurredAt, hash, body }) {
    return JSON.stringify({
      specversion: '1.0',
      id: eventId,
      source: '/gemini-pool/ledger',
      type: `gemini-pool.${type}`,
      time: new Date(occurredAt).toISOString(),
      datacontenttype: 'application/json',
      position,
      hash,
      data: JSON.parse(body) as UsageEventBody,
    });
  },
};

/** The columns of the CSV and where their values are from. */
const columns: Readonly<Record<string, (event: StoredEvent, body: Readonly<Record<string, unknown>>) => unknown>> = {
  position: ({ position }) => position,
  type: ({ type }) => type,
  occurred_at: ({ occurredAt }) => new Date(occurredAt).toISOString(),
  recorded_at: ({ recordedAt }) => new Date(recordedAt).toISOString(),
  actor: ({ actor }) => actor,
  request_id: ({ requestId }) => requestId,
  client_key_id: (_event, { clientKeyId }) => clientKeyId,
  upstream_key_id: (_event, { upstreamKeyId }) => upstreamKeyId,
  requested_model: (_event, { requestedModel }) => requestedModel,
  served_model: (_event, { servedModel }) => servedModel,
  http_status: (_event, { httpStatus }) => httpStatus,
  input_tokens: (_event, { usage }) => (usage as Counts)?.inputTokens,
  cached_input_tokens: (_event, { usage }) => (usage as Counts)?.cachedInputTokens,
  output_tokens: (_event, { usage }) => (usage as Counts)?.outputTokens,
  reasoning_tokens: (_event, { usage }) => (usage as Counts)?.reasoningTokens,
  total_tokens: (_event, { usage }) => (usage as Counts)?.totalTokens,
  usage_source: (_event, { usageSource }) => usageSource,
  cost_pico: (_event, { charge }) => (charge as { costPico?: string } | undefined)?.costPico,
  price_id: (_event, { charge }) => (charge as { priceId?: string } | undefined)?.priceId,
  hash: ({ hash }) => hash,
  body: ({ body }) => body,
};
type Counts = Readonly<Record<string, number>> | undefined;

/** How what a spreadsheet runs begins. Papa Parse's own pattern (5.5) misses what has a line break in it. */
const formula = /^[=+\-@\t\r]/;

/** RFC 4180, with what a spreadsheet would run as a formula made a text. */
const csv: ExportFormat = {
  header: Object.keys(columns).join(','),
  line(event) {
    const body = JSON.parse(event.body) as Readonly<Record<string, unknown>>;
    const values = Object.values(columns).map((read) => read(event, body) ?? '');
    return Papa.unparse([values], { escapeFormulae: formula });
  },
};

export const exportFormats: Readonly<Record<string, ExportFormat>> = { csv, ndjson, cloudevents: cloudEvents };
