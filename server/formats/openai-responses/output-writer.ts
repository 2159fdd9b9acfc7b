import type { TokenLogprob } from '../from-gemini/logprobs.ts';
import type { EventWriter } from './event-writer.ts';

type Status = 'in_progress' | 'completed' | 'incomplete';

export interface OutputText {
  type: 'output_text';
  text: string;
  annotations: UrlCitation[];
  logprobs: TokenLogprob[];
}

export interface UrlCitation {
  type: 'url_citation';
  start_index: number;
  end_index: number;
  title: string;
  url: string;
}

interface Message {
  id: string;
  type: 'message';
  status: Status;
  role: 'assistant';
  content: (OutputText | { type: 'refusal'; refusal: string })[];
}

interface Reasoning {
  id: string;
  type: 'reasoning';
  summary: { type: 'summary_text'; text: string }[];
  encrypted_content?: string;
}

/** A call of a function or of a tool that takes free text. */
export interface Call {
  callId: string;
  name: string;
  namespace?: string;
  /** JSON, or the free text. */
  input: string;
  isCustom: boolean;
}

/** An item of a response. */
export type OutputItem = { id: string; type: string } & Record<string, unknown>;

/** What is still to be known of an open item when it is closed. */
export interface Closing {
  status: 'completed' | 'incomplete';
  /** The sources of a text. @param text All of it. */
  annotations(text: string): UrlCitation[];
  /** What a reasoning item carries. */
  encrypted: string | undefined;
}

/**
 * Builds the items of a response and tells of them as they grow. One item is open at a time: whoever begins another closes it first.
 * Pieces of text are added to the open item of their kind, or begin one.
 */
export class OutputWriter {
  readonly items: OutputItem[] = [];
  readonly #events: EventWriter;
  readonly #randomId: (length: number) => string;
  #message: { item: Message; part: OutputText; prefix: string } | null = null;
  #reasoning: Reasoning | null = null;

  constructor(events: EventWriter, randomId: (length: number) => string) {
    this.#events = events;
    this.#randomId = randomId;
  }

  /** What kind of item can be added to. */
  get open(): 'message' | 'reasoning' | null {
    return this.#message ? 'message' : this.#reasoning ? 'reasoning' : null;
  }

  /** The texts of all messages, in order. */
  texts(): OutputText[] {
    const messages = this.items.filter((item) => item.type === 'message') as unknown as Message[];
    return messages.flatMap(({ content }) => content.filter((part) => part.type === 'output_text'));
  }

  addText(text: string, logprobs: TokenLogprob[]): void {
    this.#message ??= this.#openMessage();
    const { part, prefix } = this.#message;
    part.text += text;
    part.logprobs.push(...logprobs);
    // The one event that matters for speed: built from pieces, with one call of JSON.stringify.
    if (text !== '')
      this.#events.addMembers(
        'response.output_text.delta',
        `${prefix},"logprobs":${logprobs.length > 0 ? JSON.stringify(logprobs) : '[]'},"delta":${JSON.stringify(text)}`,
      );
  }

  /** @param text Empty where thoughts are not shown. */
  addThought(text: string): void {
    this.#reasoning ??= this.#begin<Reasoning>({ id: this.#newId('rs'), type: 'reasoning', summary: [] });
    if (text === '') return;
    const place = { ...this.#placeOf(this.#reasoning), summary_index: 0 };
    const [first] = this.#reasoning.summary;
    const part = first ?? { type: 'summary_text', text: '' };
    if (!first) {
      this.#events.add('response.reasoning_summary_part.added', { ...place, part });
      this.#reasoning.summary.push(part);
    }
    part.text += text;
    this.#events.add('response.reasoning_summary_text.delta', { ...place, delta: text });
  }

  addCall({ callId, name, namespace, input, isCustom }: Call): void {
    const kind = isCustom ? callKinds.custom : callKinds.function;
    const named = { call_id: callId, name, ...(namespace !== undefined && { namespace }) };
    const head = { id: this.#newId(kind.prefix), type: kind.type, status: 'in_progress', ...named };
    const item = this.#begin<OutputItem>({ ...head, [kind.field]: '' });
    const place = this.#placeOf(item);
    this.#events.add(`${kind.event}.delta`, { ...place, delta: input });
    this.#events.add(`${kind.event}.done`, { ...place, ...(!isCustom && { name }), [kind.field]: input });
    this.#end(Object.assign(item, { status: 'completed', [kind.field]: input }));
  }

  /** @param data In base64. */
  addImage(data: string): void {
    const head = { id: this.#newId('ig'), type: 'image_generation_call', status: 'in_progress', result: null };
    const item = this.#begin<OutputItem>(head);
    this.#events.add('response.image_generation_call.in_progress', this.#placeOf(item));
    this.#events.add('response.image_generation_call.completed', this.#placeOf(item));
    this.#end(Object.assign(item, { status: 'completed', result: data }));
  }

  addRefusal(refusal: string): void {
    const item = this.#begin<Message>(this.#emptyMessage());
    const place = { ...this.#placeOf(item), content_index: 0 };
    const part = { type: 'refusal' as const, refusal };
    this.#events.add('response.content_part.added', { ...place, part: { ...part, refusal: '' } });
    this.#events.add('response.refusal.delta', { ...place, delta: refusal });
    this.#events.add('response.refusal.done', { ...place, refusal });
    this.#events.add('response.content_part.done', { ...place, part });
    item.content.push(part);
    this.#end(Object.assign(item, { status: 'completed' }));
  }

  close({ status, annotations, encrypted }: Closing): void {
    if (this.#message) this.#closeMessage(status, annotations(this.#message.part.text));
    if (this.#reasoning) this.#closeReasoning(this.#reasoning, encrypted);
  }

  /** Leaves the open item as it is: the answer broke off, and no event tells of its end. */
  cut(): void {
    if (this.#message) this.#message.item.status = 'incomplete';
  }

  #openMessage() {
    const item = this.#begin<Message>(this.#emptyMessage());
    const place = { ...this.#placeOf(item), content_index: 0 };
    const part: OutputText = { type: 'output_text', text: '', annotations: [], logprobs: [] };
    this.#events.add('response.content_part.added', { ...place, part });
    item.content.push(part);
    return { item, part, prefix: JSON.stringify(place).slice(1, -1) };
  }

  #closeMessage(status: Closing['status'], annotations: UrlCitation[]): void {
    const { item, part } = this.#message as { item: Message; part: OutputText };
    this.#message = null;
    const place = { ...this.#placeOf(item), content_index: 0 };
    for (const [annotation_index, annotation] of annotations.entries())
      this.#events.add('response.output_text.annotation.added', { ...place, annotation_index, annotation });
    part.annotations = annotations;
    const { text, logprobs } = part;
    this.#events.add('response.output_text.done', { ...place, text, logprobs });
    this.#events.add('response.content_part.done', { ...place, part });
    this.#end(Object.assign(item, { status }));
  }

  #closeReasoning(item: Reasoning, encrypted: string | undefined): void {
    this.#reasoning = null;
    const place = { ...this.#placeOf(item), summary_index: 0 };
    const [part] = item.summary;
    if (part) {
      this.#events.add('response.reasoning_summary_text.done', { ...place, text: part.text });
      this.#events.add('response.reasoning_summary_part.done', { ...place, part });
    }
    this.#end(encrypted === undefined ? item : Object.assign(item, { encrypted_content: encrypted }));
  }

  #begin<Item extends { id: string; type: string }>(item: Item): Item {
    this.items.push(item as unknown as OutputItem);
    this.#events.add('response.output_item.added', { output_index: this.items.length - 1, item });
    return item;
  }

  #end(item: object): void {
    this.#events.add('response.output_item.done', { output_index: this.items.length - 1, item });
  }

  /** The open item is the last. */
  #placeOf({ id }: { id: string }) {
    return { item_id: id, output_index: this.items.length - 1 };
  }

  #emptyMessage(): Message {
    return { id: this.#newId('msg'), type: 'message', status: 'in_progress', role: 'assistant', content: [] };
  }

  #newId(prefix: string): string {
    return `${prefix}_${this.#randomId(24)}`;
  }
}

const callKinds = {
  function: {
    prefix: 'fc',
    type: 'function_call',
    field: 'arguments',
    event: 'response.function_call_arguments',
  },
  custom: { prefix: 'ctc', type: 'custom_tool_call', field: 'input', event: 'response.custom_tool_call_input' },
};
