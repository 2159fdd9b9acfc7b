import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { createFastHmac } from './hmac.ts';

/** Keeps secrets: sealed when they must be read again, fingerprinted when they need only be recognised. */
export interface Vault {
  /** AES-256-GCM. `boundTo` names the row, so that a sealed text that is moved to another row cannot be opened. */
  seal(text: string, boundTo: string): string;
  /** @throws Error when the key, the row or the text is not the one it was sealed with. */
  open(sealed: string, boundTo: string): string;
  /** The same text gives the same fingerprint; without the key nothing can be told from it. */
  fingerprint(purpose: string, text: string): string;
}

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** @param encryptionKey 32 bytes. */
export function createVault(encryptionKey: Buffer): Vault {
  const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', encryptionKey, '', `gemini-pool/${purpose}`, 32));
  const sealingKey = derive('seal');
  const fingerprint = createFastHmac(derive('fingerprint'));
  return {
    seal(text, boundTo) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, sealingKey, nonce).setAAD(Buffer.from(boundTo));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
    },
    open(sealed, boundTo) {
      const bytes = Buffer.from(sealed, 'base64');
      const decipher = createDecipheriv(algorithm, sealingKey, bytes.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      })
        .setAAD(Buffer.from(boundTo))
        .setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
      return decipher.update(bytes.subarray(nonceBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8');
    },
    fingerprint: (purpose, text) => fingerprint(`${purpose}\n${text}`),
  };
}

/** Enough of a key to recognise it: `AIza…x7Qp`. Short ones show less. */
export function maskKey(key: string): string {
  return key.length < 16 ? `${key.slice(0, 2)}…` : `${key.slice(0, 4)}…${key.slice(-4)}`;
}
