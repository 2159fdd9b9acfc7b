import { readonly, ref } from 'vue';

export interface Notice {
  id: number;
  text: string;
  isProblem: boolean;
}

const shownMs = 6000;
const noticesMax = 3;
const notices = ref<Notice[]>([]);
let lastId = 0;

/** Short messages at the edge of the page that go away by themselves. */
export function useNotices() {
  const dismiss = (id: number) => {
    notices.value = notices.value.filter((notice) => notice.id !== id);
  };
  const notify = (text: string, isProblem = false) => {
    const id = ++lastId;
    notices.value = [...notices.value, { id, text, isProblem }].slice(-noticesMax);
    setTimeout(() => dismiss(id), shownMs);
  };
  return { notices: readonly(notices), notify, dismiss };
}
