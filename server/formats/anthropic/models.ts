import { invalidRequest } from '../api-error.ts';
import type { ListedModel } from '../listed-model.ts';

export interface ModelPageQuery {
  limit?: string | undefined;
  after_id?: string | undefined;
  before_id?: string | undefined;
}

const limitMax = 1000;

/** A model as Anthropic's clients read it. */
export function toModelInfo({ id, name, created, capabilities: has, card }: ListedModel) {
  const support = (supported: boolean) => ({ supported });
  const yes = support(true);
  const no = support(false);
  const vision = support(has.has('vision'));
  const tools = support(has.has('tools'));
  const thinking = support(has.has('thinking'));
  return {
    type: 'model',
    id,
    display_name: name,
    created_at: new Date(created * 1000).toISOString().replace('.000Z', 'Z'),
    max_input_tokens: card.inputTokenLimit ?? null,
    max_tokens: card.outputTokenLimit ?? null,
    lifecycle: 'active',
    line: null,
    deprecated_at: null,
    retires_at: null,
    capabilities: {
      batch: no,
      citations: no,
      code_execution: no,
      context_management: {
        ...no,
        clear_thinking_20251015: null,
        clear_tool_uses_20250919: null,
        compact_20260112: null,
      },
      effort: { ...thinking, low: thinking, medium: thinking, high: thinking, xhigh: thinking, max: thinking },
      image_input: vision,
      pdf_input: vision,
      server_tools: { ...tools, code_execution: no, web_search: tools },
      structured_outputs: support(has.has('json')),
      thinking: { ...thinking, types: { adaptive: thinking, between_tools: no, disabled: yes, enabled: thinking } },
    },
  };
}

/** One page of models; all of them when no limit is asked for. @throws ApiError 400 for a limit or an id that is not right */
export function toModelInfoPage(models: readonly ListedModel[], query: ModelPageQuery) {
  const limit = readLimit(query.limit);
  const after = query.after_id === undefined ? -1 : placeOf(models, query.after_id, 'after_id');
  const before = query.before_id === undefined ? models.length : placeOf(models, query.before_id, 'before_id');
  const between = models.slice(after + 1, before);
  // Read backwards, the page is the end of what comes before.
  const isBackwards = query.before_id !== undefined && query.after_id === undefined;
  const page = isBackwards ? between.slice(-limit) : between.slice(0, limit);
  return {
    data: page.map(toModelInfo),
    has_more: page.length < between.length,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return limitMax;
  const limit = Number(text);
  if (/^\d{1,4}$/.test(text) && limit >= 1 && limit <= limitMax) return limit;
  throw invalidRequest(`\`limit\` takes a whole number from 1 to ${limitMax}.`, 'limit');
}

function placeOf(models: readonly ListedModel[], id: string, param: string): number {
  const place = models.findIndex((model) => model.id === id);
  if (place < 0) throw invalidRequest(`\`${param}\` takes the id of a model in the list.`, param);
  return place;
}
