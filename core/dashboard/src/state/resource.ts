// What the API answered, by path: shared by all who show it, fetched anew when an event says that it
// changed, kept while nobody looks so that going back shows something at once.
import {useEffect} from 'preact/hooks';
import {ApiError, get, loginNeeded} from '../api/client';
import {connection, onEvent} from '../api/stream';
import {Cell, useCell} from './cell';

export interface Resource<T> {
  data: T | null;
  error: ApiError | null;
}

interface Entry {
  cell: Cell<Resource<unknown>>;
  events: Set<string>;
  users: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  running: boolean;
  fetched: number; // Date.now()
  again: boolean;
}

const MIN_PAUSE_MS = 150; // events come in groups: one fetch for each group
const MAX_PAUSE_MS = 400;
const FRESH_MS = 1000;
const POLL_MS = 4000; // while the stream is down

const entries = new Map<string, Entry>();

async function fetchNow(path: string, entry: Entry): Promise<void> {
  clearTimeout(entry.timer);
  entry.timer = undefined;
  if (entry.running) {
    entry.again = true;
    return;
  }
  entry.running = true;
  try {
    entry.cell.set({data: await get(path), error: null});
  } catch (error) {
    entry.cell.set({data: entry.cell.get().data, error: error as ApiError});
  }
  entry.running = false;
  entry.fetched = entry.again ? 0 : Date.now();
  if (entry.again && entry.users > 0) later(path, entry);
  entry.again = false;
}

function later(path: string, entry: Entry): void {
  const pause = MIN_PAUSE_MS + Math.random() * (MAX_PAUSE_MS - MIN_PAUSE_MS);
  entry.timer ??= setTimeout(() => void fetchNow(path, entry), pause);
}

function entryOf(path: string): Entry {
  let entry = entries.get(path);
  if (!entry) {
    entry = {
      cell: new Cell<Resource<unknown>>({data: null, error: null}),
      events: new Set(),
      users: 0,
      timer: undefined,
      running: false,
      fetched: 0,
      again: false,
    };
    entries.set(path, entry);
  }
  return entry;
}

// `events`: names of the stream's events after which the answer may be another.
export function useResource<T>(path: string, events: readonly string[] = []): Resource<T> {
  const entry = entryOf(path);
  useEffect(() => {
    const now = entryOf(path);
    ++now.users;
    for (const name of events) now.events.add(name);
    // Several parts of a page that want the same at once share one answer.
    const fresh = now.cell.get().data !== null && Date.now() - now.fetched < FRESH_MS;
    if (!now.running && !fresh) void fetchNow(path, now);
    return () => void --now.users;
  }, [path]);
  return useCell(entry.cell) as Resource<T>;
}

// What an event or a change's answer already tells needs no fetch.
export function patch<T>(path: string, change: (old: T) => T): void {
  const cell = entries.get(path)?.cell;
  const data = cell?.get().data as T | null | undefined;
  if (cell && data) cell.set({data: change(data), error: null});
}

// What nobody looks at is fetched when somebody does.
function renew(path: string, entry: Entry): void {
  entry.fetched = 0;
  if (entry.running) entry.again = true;
  else if (entry.users > 0) later(path, entry);
}

export function refreshAll(): void {
  for (const [path, entry] of entries) renew(path, entry);
}

// A login must not show what another one saw.
export function forgetAll(): void {
  for (const entry of entries.values()) {
    entry.cell.set({data: null, error: null});
    entry.again = entry.running && entry.users > 0;
  }
  refreshAll();
}

onEvent((name) => {
  if (name === 'hello' || name === 'reset') return refreshAll();
  if (document.hidden && name === 'pipeline') return;
  for (const [path, entry] of entries) if (entry.events.has(name)) renew(path, entry);
});

setInterval(() => {
  const down = connection.get().state !== 'live' && Date.now() - connection.get().since > POLL_MS;
  if (down && !document.hidden && loginNeeded.get() === null) refreshAll();
}, POLL_MS);
