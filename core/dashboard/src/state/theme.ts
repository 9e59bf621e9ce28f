// Light, dark, or as the system says. Resolved to what is seen, for what is drawn on a canvas.
import {Cell} from './cell';

export type Choice = 'auto' | 'light' | 'dark';

const KEY = 'heald.theme';
const system = matchMedia('(prefers-color-scheme: dark)');

const stored = localStorage.getItem(KEY);
export const choice = new Cell<Choice>(stored === 'light' || stored === 'dark' ? stored : 'auto');
export const theme = new Cell<'light' | 'dark'>('light');

function apply(): void {
  const chosen = choice.get();
  if (chosen === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  theme.set(chosen === 'auto' ? (system.matches ? 'dark' : 'light') : chosen);
}

export function choose(next: Choice): void {
  if (next === 'auto') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  choice.set(next);
  apply();
}

system.addEventListener('change', apply);
apply();
