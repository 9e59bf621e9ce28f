import {defineConfig} from 'vite';

// Absolute addresses, because the same page answers at / and at /docs. `npm run dev` serves the
// sources with live reload in front of a running agent (HEALD_URL).
export default defineConfig({
  base: '/',
  logLevel: 'warn',
  esbuild: {jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none'},
  build: {target: 'es2022', assetsInlineLimit: 0, modulePreload: {polyfill: false}},
  server: {
    proxy: {'/api': {target: process.env.HEALD_URL ?? 'http://127.0.0.1:8080', changeOrigin: true}},
  },
});
