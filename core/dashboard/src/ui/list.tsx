// Long lists: the newest page stays live, older ones are fetched on demand, and what is new waits
// behind "2 new" while someone reads further down.
import type {ComponentChildren} from 'preact';
import {useEffect, useRef, useState} from 'preact/hooks';
import {get, type ApiError} from '../api/client';
import {plural} from '../state/format';
import {useResource} from '../state/resource';

type Key = string | number;

interface Options<T> {
  path: string; // with its filter, without cursor
  member: string; // of the answer
  events: readonly string[];
  keyOf: (item: T) => Key;
}

export interface Pages<T> {
  items: T[] | null; // null: nothing came yet
  error: ApiError | null;
  fresh: number; // how many wait to be shown
  showFresh: () => void;
  older: (() => Promise<void>) | null; // null: that was all
}

const READING_PX = 120; // scrolled further than this, the list must not move

// The live first page over what was known: nothing falls out between them when new items push.
function merge<T>(first: T[], known: T[], complete: boolean, keyOf: (item: T) => Key): T[] {
  if (complete || first.length === 0) return first;
  const keys = new Set(first.map(keyOf));
  let end = known.length - 1;
  while (end >= 0 && !keys.has(keyOf(known[end]!))) --end;
  return [...first, ...known.slice(end + 1)];
}

export function usePages<T>({path, member, events, keyOf}: Options<T>): Pages<T> {
  const {data, error} = useResource<Record<string, unknown>>(path, events);
  const [known, setKnown] = useState<{path: string; items: T[]; next: string | null} | null>(null);
  const [shown, setShown] = useState<Set<Key> | null>(null);
  const reading = useRef(false);

  useEffect(() => {
    const look = () => {
      reading.current = window.scrollY > READING_PX;
      if (!reading.current) setShown(null);
    };
    look();
    addEventListener('scroll', look, {passive: true});
    return () => removeEventListener('scroll', look);
  }, []);

  useEffect(() => {
    if (!data) return;
    const first = data[member] as T[];
    const next = data.next_cursor as string | null;
    setKnown((old) => {
      if (!old || old.path !== path) return {path, items: first, next};
      const items = merge(first, old.items, next === null, keyOf);
      if (reading.current) setShown((held) => held ?? new Set(old.items.map(keyOf)));
      return {path, items, next: items.length > first.length ? old.next : next};
    });
  }, [data, path]);

  const current = known?.path === path ? known : null;
  const items = current?.items ?? null;
  const visible = shown ? items?.filter((item) => shown.has(keyOf(item))) : items;
  const fresh = (items?.length ?? 0) - (visible?.length ?? 0);
  const glue = path.includes('?') ? '&' : '?';
  const older = async () => {
    if (!current?.next) return;
    const page = await get<Record<string, unknown>>(
      `${path}${glue}cursor=${encodeURIComponent(current.next)}`,
    );
    const more = page[member] as T[];
    setShown((held) => held && new Set([...held, ...more.map(keyOf)]));
    setKnown({path, items: [...current.items, ...more], next: page.next_cursor as string | null});
  };
  return {
    items: visible ?? null,
    error,
    fresh,
    showFresh: () => {
      setShown(null);
      scrollTo({top: 0});
    },
    older: current?.next ? older : null,
  };
}

// Around the rows: what is new above, the way to older ones below.
export function PageFrame<T>({pages, children}: {pages: Pages<T>; children: ComponentChildren}) {
  const [busy, setBusy] = useState(false);
  return (
    <>
      {pages.fresh > 0 && (
        <div class="fresh" role="status">
          <button type="button" class="button primary" onClick={pages.showFresh}>
            {pages.fresh} new
          </button>
        </div>
      )}
      {children}
      <p class="list-end soft">
        {pages.older ? (
          <button
            type="button"
            class="button"
            aria-disabled={busy}
            onClick={() => {
              setBusy(true);
              void pages
                .older?.()
                .catch(() => undefined)
                .then(() => setBusy(false));
            }}
          >
            Show older
          </button>
        ) : (
          pages.items &&
          pages.items.length > 0 &&
          `${plural(pages.items.length, 'entry', 'entries')}, that is all.`
        )}
      </p>
    </>
  );
}
