// node:crypto with the hash function of Node 20.12.
import { createHash } from 'node:crypto';

export * from 'node:crypto';
export { default } from 'node:crypto';
export const hash = (algorithm, data, encoding = 'hex') => createHash(algorithm).update(data).digest(encoding);
