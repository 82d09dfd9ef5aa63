// Builds the page into dist/, which the shell embeds. Knows nothing of the gallery or the tests' fixtures.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  clearScreen: false,
  server: { port: 1420, strictPort: true },
  // WebView2 109 and WebKit of 2022 are the oldest web views a till may have.
  build: { target: ['chrome109', 'safari15.6'], reportCompressedSize: false, modulePreload: { polyfill: false } },
  test: { environment: 'happy-dom', css: true, include: ['tests/**/*.test.ts'] },
});
