// How the page is built and tested.
//
// The rig serves `dist` under BASE from inside its binary, so every asset is a file of ours: nothing is fetched from
// elsewhere at run time. `npm run dev` sends API calls to a running rig (REBUFFER_RIG, by default the one on this machine).

import { fileURLToPath } from 'node:url'

import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const BASE = '/dashboard/v3/'
const rig = process.env.REBUFFER_RIG ?? 'http://localhost:30000'

export default defineConfig({
  base: BASE,
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: { target: 'es2022', sourcemap: false, chunkSizeWarningLimit: 700 },
  server: { proxy: { '/api': rig } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
})
