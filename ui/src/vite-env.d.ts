// Lets TypeScript know what Vite makes of imports.
/// <reference types="vite/client" />
/// <reference types="svelte" />
