// The pages and their addresses. Everything that matters on a page is in its query, so that a link shows the same.

import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'

const routes: RouteRecordRaw[] = [
  {
    path: '/',
    name: 'start',
    component: () => import('./features/start/StartPage.vue'),
    meta: { title: 'Players' },
  },
  {
    path: '/testing-session',
    name: 'testing-session',
    component: () => import('./features/session/SessionPage.vue'),
    meta: { title: 'Test session' },
  },
  {
    path: '/:rest(.*)*',
    name: 'not-found',
    component: () => import('./features/shell/NotFoundPage.vue'),
    meta: { title: 'No such page' },
  },
]

export const router = createRouter({ history: createWebHistory(import.meta.env.BASE_URL), routes })

router.afterEach((to) => {
  const title = typeof to.meta.title === 'string' ? to.meta.title : ''
  document.title = title === '' ? 'Rebuffer' : `${title} · Rebuffer`
})
