// The small parts that every page is made of.
import {cloneElement, isValidElement, toChildArray, type ComponentChildren} from 'preact';
import {useEffect} from 'preact/hooks';
import {me, refusal, type ApiError} from '../api/client';
import type {Labels, Role, Time} from '../api/types';
import {useCell, useSelected} from '../state/cell';
import {clock} from '../state/clock';
import {ago, exact, labelText, words} from '../state/format';
import {at} from '../state/router';
import {setTitle} from '../state/title';
import {Icon, type IconName} from './icons';

type Tone = 'good' | 'info' | 'warn' | 'bad' | 'soft';

// Every state that the API knows, as a sign, a tone and the word itself.
const STATES: Record<string, [IconName, Tone]> = {
  healthy: ['check', 'good'],
  ok: ['check', 'good'],
  running: ['check', 'good'],
  resolved: ['check', 'good'],
  verified: ['check', 'good'],
  cleared: ['check', 'good'],
  normal: ['check', 'good'],
  on: ['check', 'good'],
  came_true: ['check', 'info'],
  averted: ['shield', 'good'],
  false_alarm: ['cross', 'warn'],
  undecidable: ['help', 'soft'],
  superseded: ['dash', 'soft'],
  pending: ['clock', 'info'],
  labelled: ['person', 'soft'],
  acting: ['work', 'info'],
  verifying: ['clock', 'info'],
  issued: ['work', 'info'],
  observed: ['clock', 'info'],
  planned: ['clock', 'info'],
  act: ['work', 'info'],
  enforce: ['shield', 'info'],
  info: ['info', 'info'],
  warning: ['warning', 'warn'],
  open: ['ring', 'warn'],
  awaits_approval: ['person', 'warn'],
  undone: ['work', 'warn'],
  approve: ['person', 'soft'],
  refused: ['pause', 'warn'],
  learning: ['clock', 'info'],
  critical: ['critical', 'bad'],
  escalated: ['person', 'bad'],
  failed: ['cross', 'bad'],
  failing: ['cross', 'bad'],
  hung: ['cross', 'bad'],
  error: ['cross', 'bad'],
  off: ['off', 'bad'],
  silent: ['dash', 'soft'],
  stopped: ['pause', 'soft'],
  idle: ['dash', 'soft'],
  disabled: ['pause', 'soft'],
  silenced: ['mute', 'soft'],
  muted: ['mute', 'soft'],
  quiet: ['clock', 'soft'],
  predicted: ['forecast', 'warn'],
  shadow: ['eye', 'soft'],
  would_act: ['eye', 'soft'],
  dry_run: ['eye', 'soft'],
};

export const toneOf = (state: string): Tone => STATES[state]?.[1] ?? 'soft';

export function Badge({state, children}: {state: string; children?: ComponentChildren}) {
  const [icon, tone] = STATES[state] ?? ['ring', 'soft'];
  return (
    <span class={`badge ${tone}`}>
      <Icon name={icon} />
      {children ?? words(state)}
    </span>
  );
}

// "12 s ago", or "for 12 s"; the exact time under the pointer.
export function Ago({time, how = ago}: {time: Time; how?: (time: string, now: number) => string}) {
  const text = useSelected(clock, (now) => (time ? how(time, now) : ''));
  if (!time) return <span class="soft">never</span>;
  return (
    <time dateTime={time} title={exact(time)}>
      {text || how(time, clock.get())}
    </time>
  );
}

// ---- names ----

export const IncidentLink = ({id}: {id: number | null | undefined}) =>
  id ? <a href={at('incidents', id)}>#{id}</a> : <span class="soft">none</span>;
// What stands for all targets of a storm is no service.
export const STORM = '{heald="storm"}';
export const ServiceLink = ({name}: {name: string}) =>
  name === STORM ? <>many services</> : <a href={at('services', name)}>{name}</a>;
export const NodeLink = ({name}: {name: string}) => <a href={at('pipeline', name)}>{name}</a>;
export const PolicyLink = ({name}: {name: string}) => <a href={at('policies', name)}>{name}</a>;
export const PluginLink = ({kind, name}: {kind: string; name: string}) => (
  <a href={at('plugins', kind, name)}>{name}</a>
);

export function Joined({items}: {items: ComponentChildren[]}) {
  return <>{items.flatMap((item, i) => (i ? [', ', item] : [item]))}</>;
}

export function LabelList({labels}: {labels: Labels}) {
  return <span class="mono small">{labelText(labels)}</span>;
}

// A file by its name, with the way to it under the pointer.
export const FileName = ({path}: {path: string}) => (
  <span class="mono" title={path}>
    {path.split('/').pop()}
  </span>
);

// ---- layout ----

export function PageHead({
  title,
  lead,
  children,
}: {
  title: string;
  lead?: ComponentChildren;
  children?: ComponentChildren;
}) {
  useEffect(() => setTitle(title), [title]);
  return (
    <div class="page-head">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {lead && <p class="soft">{lead}</p>}
      </div>
      {children && <div class="page-tools">{children}</div>}
    </div>
  );
}

export function Section({
  title,
  children,
  tools,
}: {
  title: string;
  children: ComponentChildren;
  tools?: ComponentChildren;
}) {
  return (
    <section aria-label={title}>
      <div class="section-head">
        <h2>{title}</h2>
        {tools}
      </div>
      {children}
    </section>
  );
}

export function Facts({items}: {items: [string, ComponentChildren][]}) {
  return (
    <dl class="facts">
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

// Wide tables scroll inside their frame, also by keyboard. On a phone each row becomes a block, with
// the heads before the cells.
export function Table({
  label,
  heads,
  children,
}: {
  label: string;
  heads: string[];
  children: ComponentChildren;
}) {
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {heads.map((head, i) => (
              <th scope="col" key={i}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {toChildArray(children).map((row) =>
            isValidElement(row)
              ? cloneElement(
                  row,
                  {},
                  toChildArray((row.props as {children?: ComponentChildren}).children).map(
                    (cell, i) =>
                      isValidElement(cell) ? cloneElement(cell, {'data-head': heads[i]}) : cell,
                  ),
                )
              : row,
          )}
        </tbody>
      </table>
    </div>
  );
}

export const Empty = ({children}: {children: ComponentChildren}) => <p class="empty">{children}</p>;

// While nothing is there yet, or why nothing will be. With old data on the page an error of the
// connection is the header's business.
export function Pending({error}: {error: ApiError | null}) {
  if (!error)
    return (
      <p class="empty" role="status">
        Loading…
      </p>
    );
  return (
    <p class="note bad" role="alert">
      <Icon name="critical" /> {error.message}
    </p>
  );
}

// A button that says why it can't be used by whoever is logged in.
export function Button({
  role,
  kind = '',
  busy = false,
  onClick,
  children,
  ...rest
}: {
  role?: Role;
  kind?: '' | 'primary' | 'danger' | 'quiet';
  busy?: boolean;
  onClick: () => void;
  children: ComponentChildren;
  [attribute: `aria-${string}`]: string | boolean | undefined;
}) {
  useCell(me);
  const why = role ? refusal(role) : '';
  return (
    <button
      type="button"
      class={`button ${kind}`}
      aria-disabled={why || busy ? 'true' : undefined}
      title={why || undefined}
      onClick={() => !why && !busy && onClick()}
      {...rest}
    >
      {children}
      {why && <span class="visually-hidden"> ({why})</span>}
    </button>
  );
}
