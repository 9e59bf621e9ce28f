// The live stream: one connection for the whole page, kept up with growing, jittered pauses.
import {Cell} from '../state/cell';
import {authorization, loginNeeded, noteHeard} from './client';
import {EventParser, type StreamEvent} from './sse';

export interface Connection {
  state: 'connecting' | 'live' | 'reconnecting';
  since: number; // Date.now()
}

type Listener = (name: string, data: unknown) => void;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const SILENCE_MS = 20_000; // the agent sends something every few seconds: this long is a dead line

export const connection = new Cell<Connection>({state: 'connecting', since: Date.now()});

const listeners = new Set<Listener>();
let lastId = '';
let failures = 0;
let current: AbortController | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;

export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function become(state: Connection['state']): void {
  if (connection.get().state !== state) connection.set({state, since: Date.now()});
}

function deliver(event: StreamEvent): void {
  if (event.id) lastId = event.id;
  let data: unknown;
  try {
    data = JSON.parse(event.data);
  } catch {
    return;
  }
  for (const listener of [...listeners]) listener(event.name, data);
}

async function read(abort: AbortController): Promise<void> {
  let watchdog: ReturnType<typeof setTimeout> | undefined;
  const wait = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
  };
  try {
    wait();
    const answer = await fetch('/api/v1/events', {
      headers: {
        Accept: 'text/event-stream',
        ...authorization(),
        ...(lastId && {'Last-Event-ID': lastId}),
      },
      cache: 'no-store',
      signal: abort.signal,
    });
    if (answer.status === 401) {
      loginNeeded.set('');
      return;
    }
    if (!answer.ok || !answer.body) return;
    const parser = new EventParser();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return;
      wait();
      noteHeard();
      failures = 0;
      become('live');
      for (const event of parser.push(value)) deliver(event);
    }
  } finally {
    clearTimeout(watchdog);
  }
}

export async function connect(): Promise<void> {
  disconnect();
  const abort = (current = new AbortController());
  try {
    await read(abort);
  } catch {
    // The line broke: below.
  }
  if (current !== abort || loginNeeded.get() !== null) return;
  become('reconnecting');
  const limit = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++);
  retry = setTimeout(() => void connect(), limit / 2 + (Math.random() * limit) / 2);
}

export function disconnect(): void {
  clearTimeout(retry);
  current?.abort();
  current = null;
}

// Nobody who comes back to the page wants to wait for the pause to end.
function hurry(): void {
  if (document.hidden || connection.get().state !== 'reconnecting') return;
  failures = 0;
  void connect();
}
document.addEventListener('visibilitychange', hurry);
addEventListener('online', hurry);
