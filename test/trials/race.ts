import { connectionOf, openDatabase } from '../../server/database.ts';
import { entities } from '../../server/entities.ts';
import type { RequestAccepted } from '../../server/ledger/events.ts';
import { startTestGateway } from '../support/gateway.ts';
import { readEvents } from '../support/ledger.ts';
import { text } from '../support/simulated-gemini.ts';
import type { AtEnd } from '../support/temporary-folder.ts';

const parallel = 500;
const paidFor = 50;
const keyCount = 10;
const model = 'gemini-3.8-flash';

/** What the budget counts, and of which models. */
const scopes = [
  { unit: 'REQUESTS', model: null },
  { unit: 'TOKENS', model: 'gemini-3.8-*' },
  { unit: 'USD', model: null },
] as const;
type Scope = (typeof scopes)[number];

export interface RaceRound {
  scope: string;
  admitted: number;
  refused: number;
  /** The first thing that was not as it should be; null when all was. */
  problem: string | null;
}

/**
 * Sends 500 requests at once with a client key that was never used and whose budget pays for 50; no answer comes back before all have been
 * decided on, so nothing is given back in between. One round after the other, each with another scope.
 */
export async function race(
  { rounds, atEnd }: { rounds: number; atEnd: AtEnd },
  onRound: (round: RaceRound) => void,
): Promise<{ problem: string | null }> {
  const keys = Array.from({ length: keyCount }, (_, index) => `AIzaRace${index}-0123456789`).join();
  const gateway = await startTestGateway({ GEMINI_API_KEYS: keys }, { atEnd });
  await gateway.signIn();
  const amounts = await measureReservations(gateway);
  let problem: string | null = null;
  for (let index = 0; index < rounds && problem === null; index++) {
    const scope = scopes[index % scopes.length] as Scope;
    const round = await runRound(gateway, scope, amounts[scope.unit]);
    onRound(round);
    problem = round.problem;
  }
  const { isSound, problem: unsound } = await gateway.verifyLedger();
  return { problem: problem ?? (isSound ? null : unsound) };
}

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

/** What one of the requests reserves, in each unit. */
async function measureReservations(gateway: Gateway): Promise<Record<Scope['unit'], bigint>> {
  const budgets = scopes.map(({ unit }) => ({ unit, limit: '900000', period: 'LIFETIME' }));
  const { secret } = await createKey(gateway, budgets);
  await ask(gateway.url, secret);
  const accepted = (await readEvents(gateway.folder)).findLast(({ type }) => type === 'RequestAccepted');
  const { reservations = [] } = accepted as RequestAccepted;
  const amountOf = (unit: string) => BigInt(reservations.find((one) => one.unit === unit)?.amount ?? 0);
  return { REQUESTS: amountOf('REQUESTS'), TOKENS: amountOf('TOKENS'), USD: amountOf('USD') };
}

async function runRound(gateway: Gateway, { unit, model: about }: Scope, amount: bigint): Promise<RaceRound> {
  const limit = unit === 'USD' ? toDollars(amount * BigInt(paidFor)) : String(amount * BigInt(paidFor));
  const { secret, id } = await createKey(gateway, [{ unit, limit, period: 'LIFETIME', model: about }]);
  const before = gateway.gemini.generations().length;
  const released = Promise.withResolvers<void>();
  gateway.gemini.answerWith(() => ({
    async write(response) {
      await released.promise;
      response.setHeader('content-type', 'application/json').end(JSON.stringify(text('Hello')));
    },
  }));
  let refused = 0;
  const called = () => gateway.gemini.generations().length - before;
  const answers = Array.from({ length: parallel }, async () => {
    const answer = await ask(gateway.url, secret);
    if (answer.status !== 200) refused++;
    return answer;
  });
  while (refused + called() < parallel) await new Promise((resolve) => setImmediate(resolve));
  const admitted = called();
  released.resolve();
  const all = await Promise.all(answers);
  return { scope: unit, admitted, refused, problem: await problemOf(gateway, { id, unit, admitted, amount }, all) };
}

async function problemOf(
  gateway: Gateway,
  { id, unit, admitted, amount }: { id: string; unit: string; admitted: number; amount: bigint },
  answers: { status: number; code: string | null }[],
): Promise<string | null> {
  if (admitted !== paidFor) return `${admitted} of ${parallel} were admitted by a budget for ${paidFor} (${unit})`;
  const odd = answers.find(({ status, code }) => status !== 200 && (status !== 429 || code !== 'insufficient_quota'));
  if (odd) return `an answer had status ${odd.status}, code ${odd.code} (${unit})`;
  const orm = await openDatabase(`${gateway.folder}/gemini-pool.db`, entities, 'read');
  try {
    const row = (await connectionOf(orm))
      .prepare<[string], { spent: bigint; reserved: bigint }>(
        `select spent, reserved from budget_use where budget_id like ? || '/%'`,
      )
      .safeIntegers()
      .get(id);
    if (row?.reserved !== 0n) return `${row?.reserved} stayed reserved (${unit})`;
    return row.spent > amount * BigInt(paidFor) ? `${row.spent} were spent (${unit})` : null;
  } finally {
    await orm.close();
  }
}

async function createKey({ graphql }: Gateway, budgets: object[]): Promise<{ secret: string; id: string }> {
  const { clientKeyCreate } = await graphql(
    `mutation ($input: ClientKeyCreateInput!) { clientKeyCreate(input: $input) {
      ... on ClientKeyCreateSuccess { secret clientKey { id } } ... on Error { message } } }`,
    { input: { name: 'race', budgets } },
  );
  return { secret: clientKeyCreate.secret, id: clientKeyCreate.clientKey.id };
}

async function ask(url: string, secret: string): Promise<{ status: number; code: string | null }> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }], max_tokens: 10 }),
  });
  const body = (await response.json()) as { error?: { code: string } };
  return { status: response.status, code: body.error?.code ?? null };
}

const picoDigits = 12;

function toDollars(pico: bigint): string {
  const digits = String(pico).padStart(picoDigits + 1, '0');
  return `${digits.slice(0, -picoDigits)}.${digits.slice(-picoDigits)}`;
}
