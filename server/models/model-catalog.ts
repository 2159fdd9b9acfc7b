import type { Capability, ListedModel, ModelPrices } from '../formats/listed-model.ts';
import type { ModelRules } from '../formats/model-rules.ts';
import { modelName } from '../gemini/model-name.ts';
import type { ModelCard } from '../gemini/types.ts';
import type { Price } from '../pricing/price.ts';
import { type KnownModel, knownModels, likelyCapabilities, notForClients } from './known-models.ts';
import { createModelCards, type ModelCardsParts } from './model-cards.ts';
import { createModelDirectory } from './model-directory.ts';
import { lowerCaseId, modelNotFound, plainId } from './model-id.ts';
import { matchesPattern } from './model-pattern.ts';
import type { ModelsFile } from './models-file.ts';

/** All that is known of models: what Google lists, what is built in, and what the operator's file says. Answers come from memory. */
export interface ModelCatalog {
  /** The id to call upstream for a name that a client wrote. @throws ApiError 404 when no model can have that name */
  resolve(requested: string): string;
  /** The same; null for what no model can be called. */
  idOf(requested: string): string | null;
  /** @param id As called upstream. */
  rulesOf(id: string): ModelRules;
  /** The most output tokens a model can give, when that is known. @param id As called upstream. */
  outputTokenLimit(id: string): number | undefined;
  /** False for a model whose card from Google has no `topK`. @param id As called upstream. */
  takesTopK(id: string): boolean;
  /** The ids that lists show, as far as they are known now. */
  ids(): string[];
  /** What lists show, in an order that lasts. Waits only for the very first list from Google, and not long. */
  list(): Promise<ListedModel[]>;
  /** One model by any name that a request may use for it; null when it is hidden or not known. */
  find(requested: string): Promise<ListedModel | null>;
}

export interface ModelCatalogParts extends ModelCardsParts {
  file: ModelsFile;
  prices: { find(model: string, at: number): Price | null };
}

const known = new Map(knownModels.map((model) => [model.id, model]));
const knownCards: ReadonlyMap<string, ModelCard> = new Map(knownModels.map((model) => [model.id, toCard(model)]));
const places = new Map(knownModels.map(({ id }, place) => [id, place]));

export function createModelCatalog({ file, ...parts }: ModelCatalogParts): ModelCatalog {
  const { now, prices } = parts;
  const directory = createModelDirectory(file);
  const cards = createModelCards(parts);
  const firstSeen = new Map<string, number>();

  /** The built-in list stands in until there was one from Google. */
  const listedCards = () => (cards.all().size > 0 ? cards.all() : knownCards);

  function ids(): string[] {
    const own = [...listedCards()].filter(([, card]) => isForClients(card)).map(([id]) => id);
    return [...new Set([...own, ...directory.exactAliases])].filter((id) => !directory.isHidden(id)).sort(byPlace);
  }

  function cardOf(target: string): ModelCard {
    return { ...(knownCards.get(target) ?? { name: modelName(target) }), ...listedCards().get(target) };
  }

  function toListed(id: string): ListedModel {
    const target = directory.resolve(id) ?? id;
    const card = cardOf(target);
    const ownName = card.displayName ?? target;
    return {
      id,
      target,
      name: id === target ? ownName : `${id} (${ownName})`,
      created: created(target),
      capabilities: capabilitiesOf(target, card),
      prices: toModelPrices(prices.find(target, now())),
      card,
    };
  }

  function created(target: string): number {
    const { released } = known.get(target) ?? {};
    if (released) return Date.parse(released) / 1000;
    const seen = firstSeen.get(target) ?? Math.floor(now() / 1000);
    firstSeen.set(target, seen);
    return seen;
  }

  /** Also names that only a pattern among the aliases covers. */
  function isServed(id: string): boolean {
    const target = directory.resolve(id);
    return target !== null && target !== id && (listedCards().has(target) || known.has(target));
  }

  return {
    resolve(requested) {
      const id = directory.resolve(requested);
      if (id === null) throw modelNotFound(requested, ids());
      return id;
    },
    idOf: directory.resolve,
    rulesOf: directory.rulesOf,
    outputTokenLimit: (id) => listedCards().get(id)?.outputTokenLimit ?? knownCards.get(id)?.outputTokenLimit,
    takesTopK(id) {
      const card = cards.all().get(id);
      return !card || card.topK !== undefined;
    },
    ids,
    async list() {
      await cards.freshen();
      return ids().map(toListed);
    },
    async find(requested) {
      await cards.freshen();
      const shown = new Set(ids());
      const plain = plainId(requested);
      const id = [requested, plain, lowerCaseId(plain)].find((name) => shown.has(name)) ?? plain;
      return shown.has(id) || (isServed(id) && !directory.isHidden(id)) ? toListed(id) : null;
    },
  };
}

function toCard({ id, name, inputTokenLimit, outputTokenLimit, capabilities }: KnownModel): ModelCard {
  const methods = capabilities.includes('embeddings')
    ? ['embedContent', 'countTokens']
    : ['generateContent', 'countTokens'];
  return {
    name: `models/${id}`,
    displayName: name,
    inputTokenLimit,
    outputTokenLimit,
    supportedGenerationMethods: methods,
    ...(capabilities.includes('thinking') && { thinking: true }),
  };
}

/** Whether one of the endpoints here can use a model. */
function isForClients({ name, supportedGenerationMethods: methods }: ModelCard): boolean {
  if (notForClients.some((pattern) => matchesPattern(pattern, plainId(name)))) return false;
  return methods === undefined || methods.includes('generateContent') || methods.includes('embedContent');
}

function capabilitiesOf(id: string, card: ModelCard): ReadonlySet<Capability> {
  const certain = known.get(id)?.capabilities;
  if (certain) return new Set(certain);
  const likely = new Set(likelyCapabilities.find(([pattern]) => matchesPattern(pattern, id))?.[1]);
  if (!card.thinking) likely.delete('thinking');
  return likely;
}

/** As lists show them; null when none are known. */
function toModelPrices(price: Price | null): ModelPrices | null {
  if (!price) return null;
  const { input, cachedInput, output, imageOutput } = price.rates;
  return {
    input: Number(input),
    cachedInput: cachedInput === null ? null : Number(cachedInput),
    output: Number(output),
    ...(imageOutput !== undefined && { imageOutput: Number(imageOutput) }),
  };
}

/** Known models in their order, others by name. */
function byPlace(a: string, b: string): number {
  const place = (id: string) => places.get(id) ?? places.size;
  return place(a) - place(b) || (a < b ? -1 : 1);
}
