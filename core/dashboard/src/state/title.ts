// The window's title: which page, and before it what one must know without looking at the page.
import {lostSince} from './word';

let page = '';

function write(): void {
  const name = page ? `${page} · heald` : 'heald';
  document.title = lostSince.get() === null ? name : `No word from ${name}`;
}

export function setTitle(title: string): void {
  page = title;
  write();
}

lostSince.watch(write);
