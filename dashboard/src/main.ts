// Starts the page: theme before the first paint, then router and server state.

import './ui/tokens.css'
import './ui/base.css'

import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'

import App from './App.vue'
import { router } from './router'
import { applyStoredTheme } from './ui/theme'

applyStoredTheme()

const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 5_000, gcTime: 300_000, retry: 1, refetchOnWindowFocus: false },
    mutations: { retry: 0 },
  },
})

createApp(App).use(router).use(VueQueryPlugin, { queryClient }).mount('#app')
