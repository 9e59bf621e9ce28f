// Asks what to leave alone, for how long and why.
import {useRef, useState} from 'preact/hooks';
import type {ApiError} from '../api/client';
import type {Labels} from '../api/types';
import {addSilence} from './act';
import {Button} from './bits';
import {Modal} from './dialog';
import {Icon} from './icons';

const DURATIONS: [seconds: number, words: string][] = [
  [1800, '30 minutes'],
  [3600, '1 hour'],
  [4 * 3600, '4 hours'],
  [86_400, '1 day'],
  [7 * 86_400, '1 week'],
];
const USUAL_SECONDS = 3600;

// What a matcher calls something else than a label of the target.
const TAKEN = /^(detector|metric|severity|kind|policy)$/;

export const matchersOf = (target: Labels): string[] =>
  Object.entries(target).map(
    ([name, value]) =>
      `${TAKEN.test(name) ? 'target.' : ''}${name}="${value.replace(/["\\]/g, '\\$&')}"`,
  );

function Form({matchers, onClose}: {matchers: string[]; onClose: () => void}) {
  const [what, setWhat] = useState(matchers.join('\n'));
  const [seconds, setSeconds] = useState(USUAL_SECONDS);
  const [why, setWhy] = useState('');
  const [error, setError] = useState('');
  const busy = useRef(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    const lines = what
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
    if (lines.length === 0) return setError('Say what to silence, for instance service=payments.');
    if (!why.trim()) return setError('Say why: others will read it.');
    if (busy.current) return;
    busy.current = true;
    try {
      await addSilence(lines, seconds, why.trim());
      onClose();
    } catch (failure) {
      setError((failure as ApiError).message);
    }
    busy.current = false;
  };
  return (
    <Modal label="Silence" onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <h2>Silence</h2>
        <p class="soft">
          heald goes on watching what fits, but tells nobody and does nothing about it.
        </p>
        <label for="silence-what">What, one condition a line: all of them have to fit</label>
        <textarea
          id="silence-what"
          class="mono"
          rows={3}
          spellcheck={false}
          value={what}
          aria-describedby="silence-help"
          onInput={(event) => setWhat(event.currentTarget.value)}
        />
        <p id="silence-help" class="small soft">
          <code>service=payments</code>, <code>zone!=a</code>, <code>pod=~web-.*</code>; a label of
          the target, or detector, metric, severity, kind, policy.
        </p>
        <label for="silence-for">For</label>
        <select
          id="silence-for"
          value={seconds}
          onChange={(event) => setSeconds(Number(event.currentTarget.value))}
        >
          {DURATIONS.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
        <label for="silence-why">Why</label>
        <input
          id="silence-why"
          value={why}
          maxLength={1000}
          autoComplete="off"
          onInput={(event) => setWhy(event.currentTarget.value)}
        />
        {error && (
          <p class="note bad" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-tools">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Silence
          </button>
        </div>
      </form>
    </Modal>
  );
}

// `matchers`: what the form begins with.
export function SilenceButton({matchers = [], word}: {matchers?: string[]; word: string}) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button role="operator" onClick={() => setOpen(true)}>
        <Icon name="mute" /> {word}
      </Button>
      {open && <Form matchers={matchers} onClose={() => setOpen(false)} />}
    </>
  );
}
