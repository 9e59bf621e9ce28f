// The header, with what must be in reach everywhere, and the menu.
import {useState} from 'preact/hooks';
import {me, ownName, setOwnName} from '../api/client';
import {connection} from '../api/stream';
import type {Status} from '../api/types';
import {useCell} from '../state/cell';
import {clock} from '../state/clock';
import {span} from '../state/format';
import {useResource} from '../state/resource';
import {hasToken, logout} from '../state/session';
import {choice, choose, type Choice} from '../state/theme';
import {flipSwitch} from './act';
import {Button} from './bits';
import {Modal, tell} from './dialog';
import {Icon, type IconName} from './icons';
import {GROUPS, type Place} from './nav';

// Much of it changes without an event of its own: the pipeline's beat brings that.
const STATUS_EVENTS = [
  'pipeline',
  'incident',
  'finding',
  'decision',
  'outcome',
  'switch',
  'policy',
  'silence',
  'reload',
] as const;

export const useStatus = () => useResource<Status>('/api/v1/status', STATUS_EVENTS);

function Live() {
  const {state, since} = useCell(connection);
  useCell(clock); // the age below grows
  if (state === 'live')
    return (
      <span class="live good" title="Everything here is shown as it happens">
        <span class="live-dot" />
        live
      </span>
    );
  const age = state === 'reconnecting' ? Date.now() - since : 0;
  return (
    <span
      class="live soft"
      title="What is shown may be old; it is fetched again when the agent answers"
    >
      <Icon name="work" />
      {state === 'connecting' ? 'connecting' : `reconnecting${age > 5000 ? `, ${span(age)}` : ''}`}
    </span>
  );
}

function Switch() {
  const {data} = useStatus();
  if (!data) return null;
  const {enabled, actor} = data.remediation;
  return (
    <Button
      role="operator"
      kind={enabled ? '' : 'danger'}
      aria-label={`Remediation is ${enabled ? 'on' : 'off'}. Switch ${enabled ? 'off' : 'on'}`}
      onClick={() => void flipSwitch(!enabled)}
    >
      <Icon name={enabled ? 'check' : 'off'} />
      <span>
        <span class="wide-only">Remediation </span>
        {enabled ? 'on' : 'off'}
        {!enabled && actor && <span class="wide-only"> by {actor}</span>}
      </span>
    </Button>
  );
}

const THEMES: Record<Choice, {next: Choice; icon: IconName}> = {
  auto: {next: 'light', icon: 'auto'},
  light: {next: 'dark', icon: 'sun'},
  dark: {next: 'auto', icon: 'moon'},
};

function Theme() {
  const now = useCell(choice);
  const {next, icon} = THEMES[now];
  return (
    <Button
      kind="quiet"
      aria-label={`Colours: ${now}. Change to ${next}`}
      onClick={() => choose(next)}
    >
      <Icon name={icon} />
    </Button>
  );
}

function Account() {
  const who = useCell(me);
  const [shown, setShown] = useState(false);
  const [name, setName] = useState(ownName());
  if (!who) return null;
  const shownName = (who.open && ownName()) || who.actor;
  const save = () => {
    if (name && !/^[A-Za-z0-9._@-]{1,64}$/.test(name))
      return tell('A name has 1 to 64 letters, digits and . _ - @', true);
    setOwnName(name);
    setShown(false);
  };
  return (
    <>
      <Button
        kind="quiet"
        aria-label={`You are ${shownName}, ${who.role}`}
        onClick={() => setShown(true)}
      >
        <Icon name="person" />
        <span class="wide-only">{shownName}</span>
      </Button>
      {shown && (
        <Modal label="Who you are" onClose={() => setShown(false)}>
          <h2>{shownName}</h2>
          <p class="soft">
            Role {who.role}.{' '}
            {who.open
              ? 'This agent asks for no token: everyone who reaches it may do everything.'
              : 'Logged in by token.'}
          </p>
          {who.open && (
            <>
              <label for="own-name">Your name, for the journal</label>
              <input
                id="own-name"
                value={name}
                autoComplete="username"
                onInput={(event) => setName(event.currentTarget.value)}
              />
            </>
          )}
          <div class="dialog-tools">
            <button type="button" class="button" onClick={() => setShown(false)}>
              Close
            </button>
            {who.open && (
              <button type="button" class="button primary" onClick={save}>
                Save
              </button>
            )}
            {hasToken() && (
              <button type="button" class="button" onClick={logout}>
                Log out
              </button>
            )}
          </div>
        </Modal>
      )}
    </>
  );
}

export function Header({page, onHelp}: {page: string; onHelp: () => void}) {
  const [menu, setMenu] = useState(false);
  return (
    <header class="top">
      <button
        type="button"
        class="button quiet menu-button"
        aria-expanded={menu}
        aria-controls="menu"
        aria-label="Menu"
        onClick={() => setMenu(!menu)}
      >
        <Icon name="menu" />
      </button>
      <a class="brand" href="/#/" aria-label="heald, to the overview">
        <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
          <rect width="32" height="32" rx="7" />
          <path d="M5 17h6l3-8 5 15 3-7h5" />
        </svg>
        <span>heald</span>
      </a>
      <Live />
      <span class="spring" />
      <Switch />
      <Theme />
      <span class="wide-only">
        <Button kind="quiet" aria-label="Keyboard shortcuts" onClick={onHelp}>
          <Icon name="help" />
        </Button>
      </span>
      <Account />
      {menu && (
        <nav id="menu" class="menu-sheet" aria-label="Pages" onClick={() => setMenu(false)}>
          <Places page={page} />
        </nav>
      )}
    </header>
  );
}

function Count({place}: {place: Place}) {
  const {data} = useStatus();
  if (!data) return null;
  const [count, what] =
    place.page === 'incidents'
      ? [data.open_incidents, 'open']
      : place.page === 'approvals'
        ? [data.awaiting_approval, 'waiting']
        : place.page === 'predictions'
          ? [data.open_predictions, 'open']
          : [0, ''];
  if (!count) return null;
  return (
    <span class="count">
      {count}
      <span class="visually-hidden"> {what}</span>
    </span>
  );
}

function Places({page}: {page: string}) {
  return (
    <>
      {GROUPS.map((group) => (
        <div class="nav-group" key={group.name}>
          <p class="nav-title">{group.name}</p>
          <ul>
            {group.places.map((place) => (
              <li key={place.page}>
                <a href={place.href} aria-current={place.page === page ? 'page' : undefined}>
                  <Icon name={place.icon} />
                  {place.name}
                  <Count place={place} />
                </a>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </>
  );
}

export function Navigation({page}: {page: string}) {
  return (
    <nav class="side" aria-label="Pages">
      <Places page={page} />
    </nav>
  );
}
