import { defineEntity, p } from '@mikro-orm/core';

/** A thought signature that Gemini gave, kept for the turn in which it has to come back. */
const ThoughtSignatureSchema = defineEntity({
  name: 'ThoughtSignature',
  tableName: 'thought_signature',
  properties: {
    /** A tool call id, or a hash of the text or picture that was signed. */
    key: p.string().primary(),
    /** Opaque; never logged. */
    signature: p.text(),
    /** That made it. */
    model: p.string(),
    /** Ms since 1970; the order in which they are forgotten. */
    rememberedAt: p.integer(),
  },
});
export class ThoughtSignature extends ThoughtSignatureSchema.class {}
ThoughtSignatureSchema.setClass(ThoughtSignature);
