// Debian 12 has Node 18. What the provider takes from later ones, as far as these tests come there.
import * as crypto from 'node:crypto';
import { register } from 'node:module';

globalThis.crypto ??= crypto.webcrypto;
URL.parse ??= (url, base) => {
  try {
    return new URL(url, base);
  } catch {
    return null;
  }
};
URL.canParse ??= (url, base) => URL.parse(url, base) !== null;
if (!crypto.hash) register('./hooks.mjs', import.meta.url);
