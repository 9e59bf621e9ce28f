// Parts that are fetched when they are first shown.
import type {ComponentType} from 'preact';
import {useEffect, useState} from 'preact/hooks';

export function lazy<P extends object>(
  load: () => Promise<ComponentType<P>>,
  height = '',
): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [Part, setPart] = useState<ComponentType<P> | null>(() => loaded);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (loaded) return;
      load().then(
        (part) => setPart(() => (loaded = part)),
        () => setFailed(true),
      );
    }, []);
    if (failed) return <p class="empty">This part could not be loaded. Reload the page.</p>;
    return Part ? (
      <Part {...props} />
    ) : (
      <div class={`loading ${height}`} role="status">
        Loading…
      </div>
    );
  };
}
