// Serves every screen with made-up data, for looking at: `npm run gallery`, then /?scene=pass&language=en.
// Never part of the production build.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  root: 'tests/gallery',
  plugins: [svelte({ configFile: '../../svelte.config.js' })],
  clearScreen: false,
  server: { port: 1421, strictPort: true, fs: { allow: ['../..'] } },
});
