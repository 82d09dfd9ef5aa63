// How Svelte compiles: runes only, and warnings (accessibility among them) are errors for svelte-check.
export default {
  compilerOptions: { runes: true },
};
