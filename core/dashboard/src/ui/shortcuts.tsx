// The keyboard: g and a letter goes to a page, ? tells which.
import {useEffect} from 'preact/hooks';
import {Modal} from './dialog';
import {PLACES} from './nav';

const SEQUENCE_MS = 1500;

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

export function useShortcuts(onHelp: () => void): void {
  useEffect(() => {
    let goAt = 0;
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (document.querySelector('dialog[open]')) return;
      const going = Date.now() - goAt < SEQUENCE_MS;
      goAt = 0;
      if (event.key === '?') return onHelp();
      if (going) {
        const place = PLACES.find((candidate) => candidate.key === event.key);
        if (place) location.href = place.href;
      } else if (event.key === 'g') {
        goAt = Date.now();
      }
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}

export function Help({onClose}: {onClose: () => void}) {
  return (
    <Modal label="Keyboard" onClose={onClose}>
      <h2>Keyboard</h2>
      <dl class="keys">
        {PLACES.map((place) => (
          <div key={place.page}>
            <dt>
              <kbd>g</kbd> <kbd>{place.key}</kbd>
            </dt>
            <dd>{place.name}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>?</kbd>
          </dt>
          <dd>This list</dd>
        </div>
        <div>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>Close a dialog</dd>
        </div>
      </dl>
      <div class="dialog-tools">
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Modal>
  );
}
