import './style.css';
import { createApp } from 'vue';
import App from './App.vue';
import { restoreTheme } from './composables/use-theme.ts';
import { preferredLocale, setLocale } from './i18n/locale.ts';
import { router } from './router.ts';

restoreTheme();
await setLocale(preferredLocale());
createApp(App).use(router).mount('#app');
