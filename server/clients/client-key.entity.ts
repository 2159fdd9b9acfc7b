import { defineEntity, p } from '@mikro-orm/core';
import type { ClientTerms } from './limits/terms.ts';

/** What a caller of `/v1` presents. Deleted keys keep their row, without the hash, so that history has a name. */
const ClientKeySchema = defineEntity({
  name: 'ClientKey',
  tableName: 'client_key',
  properties: {
    id: p.string().primary(),
    name: p.string(),
    secretHash: p.string().nullable(),
    prefix: p.string(),
    lastFour: p.string(),
    isEnabled: p.boolean(),
    /** Patterns of the models it may use; null for all. */
    allowedModels: p.json().$type<string[]>().nullable(),
    /** What is limited, see `limits/terms.ts`; what is as usual is left out. */
    terms: p.json().$type<Partial<ClientTerms>>(),
    createdAt: p.integer(),
    updatedAt: p.integer(),
    deletedAt: p.integer().nullable(),
  },
});
export class ClientKey extends ClientKeySchema.class {}
ClientKeySchema.setClass(ClientKey);
