/** Writes server-sent events as the Responses API has them: each names its type and carries its number, from 0. */
export class EventWriter {
  readonly #isOn: boolean;
  #number = 0;
  #text = '';

  /** @param isOn False for an answer that is sent whole: then nothing is written. */
  constructor(isOn: boolean) {
    this.#isOn = isOn;
  }

  add(type: string, fields: object): void {
    if (this.#isOn) this.addMembers(type, JSON.stringify(fields).slice(1, -1));
  }

  /** @param members The fields as JSON without its braces, for those who have it already. */
  addMembers(type: string, members: string): void {
    if (!this.#isOn) return;
    this.#text += `event: ${type}\ndata: {"type":"${type}","sequence_number":${this.#number++},${members}}\n\n`;
  }

  /** What was written since the last time. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}
