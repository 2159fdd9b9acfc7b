import tailwindcss from '@tailwindcss/vite';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

/** Where the gateway listens while the pages are served by `vite`. */
const gateway = 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [vue(), tailwindcss()],
  define: { __VUE_OPTIONS_API__: false },
  // The server puts a fresh nonce in the place of this text with every page.
  html: { cspNonce: '__CSP_NONCE__' },
  server: { proxy: { '/graphql': { target: gateway, ws: true }, '/v1': gateway } },
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0 },
});
