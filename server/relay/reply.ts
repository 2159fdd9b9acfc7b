/** The way back to one caller. HTTP implements it; the relay knows nothing of sockets. */
export interface Reply {
  /** True once the status line of a stream has been sent: from here on a failure is an event in the stream. */
  readonly isOpen: boolean;
  /** True when the caller hung up before the answer ended. */
  readonly isGone: boolean;
  /** Calls `listener` once when the caller hangs up. */
  onGone(listener: () => void): void;
  /** Sends a whole answer: JSON, unless the headers say otherwise. */
  send(content: string | Buffer, headers: Record<string, string>): void;
  /**
   * From now on silence is broken, so that nothing in between cuts a thinking stream: by comments, and once events were written by
   * `heartbeat` if there is one.
   */
  expectStream(headers: Record<string, string>, heartbeat?: string): void;
  /** Sends events, opening the stream first if need be. False: the caller reads slowly, wait for `onDrain`. */
  write(events: string | Buffer): boolean;
  /** Calls `listener` once when the caller has caught up. */
  onDrain(listener: () => void): void;
  /** Sends the last events and ends the stream. */
  end(events: string | Buffer): void;
  /** Stops the heartbeat of a stream that was not opened, so that its failure can be answered with a status. */
  cancelStream(): void;
}

/** The way back to a native client, whose answer passes as it is. */
export interface NativeReply {
  onGone(listener: () => void): void;
  /** Sends the status and the headers. */
  begin(status: number, headers: Record<string, string>): void;
  /** False: the caller reads slowly, wait for `onDrain`. */
  write(bytes: Buffer): boolean;
  onDrain(listener: () => void): void;
  end(bytes: Buffer): void;
  /** Breaks off, so that the caller sees that the answer is not whole. */
  cut(): void;
  /** The address under which the caller reaches through us what Google calls by `url`. */
  ownUrl(url: string): string;
}
