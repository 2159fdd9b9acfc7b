import type { IncomingMessage } from 'node:http';

/** Where programs name the session that a request belongs to: opencode, Codex, Claude Code, Open WebUI. */
const sessionHeaders = [
  'x-session-id',
  'x-session-affinity',
  'session-id',
  'session_id',
  'x-claude-code-session-id',
  'x-openwebui-chat-id',
];
const charactersMax = 200;

/** The session that a request names in a header. */
export function sessionOf({ headers }: IncomingMessage): string | undefined {
  for (const name of sessionHeaders) {
    const value = headers[name];
    if (typeof value === 'string' && value !== '') return value.slice(0, charactersMax);
  }
  return undefined;
}
