// Puts ours in the place of node:crypto.
const ours = new URL('./crypto.mjs', import.meta.url).href;

export const resolve = (specifier, context, next) => (
  specifier === 'node:crypto' && context.parentURL !== ours ? { url: ours, shortCircuit: true } : next(specifier, context)
);
