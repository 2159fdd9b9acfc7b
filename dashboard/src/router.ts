import { watch } from 'vue';
import { createRouter, createWebHistory, type RouteLocationNormalized } from 'vue-router';
import { isSetupRequired, restoreSession } from './api/boot.ts';
import { useSession } from './api/session.ts';

const { session } = useSession();

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', redirect: '/app/overview' },
    { path: '/app/login', name: 'login', component: () => import('./pages/LoginPage.vue') },
    { path: '/app/setup', name: 'setup', component: () => import('./pages/first-run/FirstRunPage.vue') },
    {
      path: '/app',
      component: () => import('./components/AppShell.vue'),
      redirect: '/app/overview',
      meta: { needsSession: true },
      children: [
        { path: 'overview', name: 'overview', component: () => import('./pages/overview/OverviewPage.vue') },
        { path: 'client-keys', name: 'client-keys', component: () => import('./pages/client-keys/ClientKeysPage.vue') },
        { path: 'key-pool', name: 'key-pool', component: () => import('./pages/key-pool/KeyPoolPage.vue') },
        { path: 'prices', name: 'prices', component: () => import('./pages/prices/PricesPage.vue') },
        { path: ':rest(.*)+', name: 'not-found', component: () => import('./pages/NotFoundPage.vue') },
      ],
    },
  ],
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? undefined : { top: 0 }),
});

router.beforeEach(async (to) => {
  await restoreSession();
  if (session.value) return to.name === 'login' ? nextOf(to) : true;
  if (await isSetupRequired()) return to.name === 'setup' || { name: 'setup' };
  return to.name === 'login' || toLogin(to);
});

watch(session, (opened) => {
  const current = router.currentRoute.value;
  if (!opened && current.name !== 'login' && current.matched.length > 0) router.push(toLogin(current));
});

/** Where to go after signing in: a path of this dashboard and nothing else. */
export function nextOf({ query }: Pick<RouteLocationNormalized, 'query'>): string {
  const next = String(query.next ?? '');
  return next.startsWith('/app/') && !next.startsWith('/app/login') ? next : '/app/overview';
}

function toLogin({ fullPath, matched }: RouteLocationNormalized) {
  const isWorthKeeping = matched.some(({ meta }) => meta.needsSession) && fullPath !== '/app/overview';
  return { name: 'login', query: isWorthKeeping ? { next: fullPath } : {} };
}
