// What the overview says first: all is well, or what is being done and what needs a person.
import type {ComponentChildren} from 'preact';
import type {Incident, Status} from '../api/types';
import {lasting, plural} from '../state/format';
import {Ago, IncidentLink, NodeLink} from './bits';
import type {IconName} from './icons';

export interface Headline {
  tone: 'good' | 'info' | 'warn' | 'bad';
  icon: IconName;
  text: ComponentChildren;
}

// Nobody is told of these and nothing is done about them, because somebody wanted it so.
export const isQuiet = (incident: Incident): boolean =>
  incident.silenced_by !== null || incident.muted_by !== null;

const onlyPredicted = (incident: Incident): boolean =>
  incident.findings.length > 0 &&
  incident.findings.every(({kind, state}) => kind === 'prediction' || state === 'clear');

// The worst first: what is said is the first that holds. `waiting`: approvals that are not of a
// silenced incident.
export function headline(
  status: Status,
  all: Incident[],
  waiting: number,
  needs: Need[],
): Headline {
  const open = all.filter((incident) => !isQuiet(incident));
  if (status.storm)
    return {tone: 'bad', icon: 'pause', text: 'Too many incidents at once: heald holds still'};
  const escalated = open.find((incident) => incident.state === 'escalated');
  if (escalated)
    return {tone: 'bad', icon: 'person', text: `${escalated.target_name} needs a person`};
  const acting = open.find(({state}) => state === 'acting' || state === 'verifying');
  if (acting)
    return {
      tone: 'info',
      icon: 'work',
      text: `${acting.state === 'acting' ? 'Repairing' : 'Verifying'} ${acting.target_name}`,
    };
  if (waiting > 0)
    return {
      tone: 'warn',
      icon: 'person',
      text: `${plural(waiting, 'action waits', 'actions wait')} for approval`,
    };
  if (open.length > 1)
    return {tone: 'warn', icon: 'warning', text: `${open.length} incidents are open`};
  if (open[0])
    return onlyPredicted(open[0])
      ? {tone: 'warn', icon: 'forecast', text: `Trouble is predicted for ${open[0].target_name}`}
      : {tone: 'warn', icon: 'warning', text: `${open[0].target_name} is unusual`};
  if (status.open_incidents > all.length)
    return {tone: 'warn', icon: 'warning', text: plural(status.open_incidents, 'open incident')};
  const well =
    all.length > 0
      ? `All is well but for ${plural(all.length, 'silenced incident')}`
      : 'Services are well';
  if (needs.some((need) => need.what !== 'switch'))
    return {tone: 'warn', icon: 'warning', text: `${well}; heald itself needs a look`};
  if (needs.length > 0) return {tone: 'warn', icon: 'off', text: `${well}; remediation is off`};
  if (all.length > 0) return {tone: 'info', icon: 'mute', text: well};
  if (status.learning)
    return {tone: 'info', icon: 'clock', text: 'Learning what normal looks like'};
  return {
    tone: 'good',
    icon: 'check',
    text: (
      <>
        All is well
        {status.healthy_since && (
          <span class="headline-since">
            <Ago time={status.healthy_since} how={lasting} />
          </span>
        )}
      </>
    ),
  };
}

export interface Need {
  what: 'storm' | 'switch' | 'reload' | 'agent';
  text: ComponentChildren;
}

// Its first line; a configuration's errors with their places are on a page of their own.
const firstLine = (text: string): string => text.trim().split('\n', 1)[0] ?? '';

// What heald can't solve by itself, one line each.
export function needsOf({remediation, reload_error, nodes, problems, storm}: Status): Need[] {
  const out: Need[] = [];
  if (storm)
    out.push({
      what: 'storm',
      text: (
        <>
          Nothing is repaired: so many incidents within minutes, <Ago time={storm.since} />, mean
          something that no single repair mends. Those that came since are one,{' '}
          <IncidentLink id={storm.incident} />, with {plural(storm.counted, 'finding')} counted. If
          it stays calm, heald goes on <Ago time={storm.until} />.
        </>
      ),
    });
  if (!remediation.enabled)
    out.push({
      what: 'switch',
      text: (
        <>
          Remediation was switched off by {remediation.actor}
          {remediation.changed && (
            <>
              , <Ago time={remediation.changed} />
            </>
          )}
          : nothing is repaired.
        </>
      ),
    });
  if (reload_error)
    out.push({
      what: 'reload',
      text: (
        <>
          The last reload failed, the old pipeline goes on: {firstLine(reload_error)}{' '}
          <a href="/#/config">What is wrong with the file</a>
        </>
      ),
    });
  const ill = nodes.filter((node) => node.enabled && !node.ok);
  for (const node of ill)
    out.push({
      what: 'agent',
      text: (
        <>
          {node.kind} <NodeLink name={node.name} />
          {node.state !== 'running' && ` is ${node.state}`}
          {node.detail ? `: ${node.detail}` : node.state === 'running' && ' has a problem'}
        </>
      ),
    });
  // The agent's own list has the nodes too.
  for (const problem of problems)
    if (!ill.some((node) => problem.startsWith(`${node.name}: `)))
      out.push({what: 'agent', text: problem});
  return out;
}
