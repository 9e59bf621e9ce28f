// Every change that a person makes here: asks where it matters, calls, says what came of it.
import {h} from 'preact';
import {change, type ApiError} from '../api/client';
import type {
  Approvals,
  Decision,
  Detection,
  Incident,
  Label,
  LabelValue,
  Mode,
  Policy,
  Reload,
  Silence,
  SwitchState,
  WaitingUndo,
} from '../api/types';
import {clockTime, duration, plural} from '../state/format';
import {patch, refreshAll} from '../state/resource';
import {applyPolicy, applySwitch} from '../state/session';
import {confirm, tell} from './dialog';

async function attempt<T>(work: () => Promise<T>, say: (result: T) => string): Promise<T | null> {
  try {
    const result = await work();
    tell(say(result));
    return result;
  } catch (error) {
    tell(`Not done: ${(error as ApiError).message}`, true);
    return null;
  }
}

export async function flipSwitch(enabled: boolean): Promise<void> {
  const sure = await confirm({
    title: enabled ? 'Switch remediation on?' : 'Switch remediation off?',
    body: enabled
      ? 'Policies in mode enforce act again by themselves, within their guards.'
      : 'From now on heald only watches and tells: no action is started, whatever the policies say. What already runs is finished and verified.',
    yes: enabled ? 'Switch on' : 'Switch off',
    danger: !enabled,
  });
  if (!sure) return;
  const state = await attempt(
    () => change<SwitchState>('PUT', '/api/v1/switch', {enabled}),
    (now) => `Remediation is ${now.enabled ? 'on' : 'off'}.`,
  );
  if (state) applySwitch(state);
}

export async function setMode(policy: Policy, mode: Mode): Promise<void> {
  if (mode === policy.mode) return;
  if (mode === 'enforce') {
    const sure = await confirm({
      title: `Let ${policy.name} enforce?`,
      body: `It will do ${policy.action} by itself, within its guards, without asking anyone.`,
      yes: 'Enforce',
      danger: true,
    });
    if (!sure) return;
  }
  await changePolicy(policy, {mode}, `${policy.name} is in mode ${mode}.`);
}

export const setEnabled = (policy: Policy, enabled: boolean): Promise<void> =>
  changePolicy(policy, {enabled}, `${policy.name} is ${enabled ? 'enabled' : 'disabled'}.`);

async function changePolicy(policy: Policy, to: object, said: string): Promise<void> {
  const path = `/api/v1/policies/${encodeURIComponent(policy.name)}`;
  const now = await attempt(
    () => change<Policy>('PATCH', path, to),
    () => said,
  );
  if (now) applyPolicy(now);
}

export async function setLabel(incident: Incident, value: LabelValue | null): Promise<void> {
  const path = `/api/v1/incidents/${incident.id}`;
  const answer = await attempt(
    () =>
      value === null
        ? change<{label: Label | null}>('DELETE', `${path}/label`)
        : change<{label: Label | null}>('PUT', `${path}/label`, {label: value}),
    () =>
      value === null
        ? `Incident #${incident.id} has no label any more.`
        : `Incident #${incident.id} is called ${value.replace('_', ' ')}.`,
  );
  if (answer) patch<Incident>(path, (old) => ({...old, label: answer.label}));
}

async function answer(decision: Decision, approve: boolean, said: string): Promise<void> {
  const taken = await attempt(
    () =>
      change('PUT', `/api/v1/approvals/${encodeURIComponent(decision.id)}`, {
        approve,
        plan_hash: decision.plan_hash,
        via: 'dashboard',
      }),
    () => `${said}: ${decision.plan.summary}.`,
  );
  if (taken)
    patch<Approvals>('/api/v1/approvals', (old) => ({
      approvals: old.approvals.filter((other) => other.id !== decision.id),
      undos: old.undos.filter((other) => other.decision.id !== decision.id),
    }));
  refreshAll();
}

export async function decide(decision: Decision, approve: boolean): Promise<void> {
  const sure = await confirm({
    title: approve ? `Approve: ${decision.plan.summary}?` : `Deny: ${decision.plan.summary}?`,
    body: approve
      ? h(
          'p',
          null,
          'It runs at once, exactly as planned: ',
          h('span', {class: 'mono'}, decision.plan_hash.slice(0, 12)),
          '. If the target has changed since, or a guard speaks against it, it is refused.',
        )
      : `Nothing is done for incident #${decision.incident} by ${decision.policy}. A no holds for this incident.`,
    yes: approve ? 'Approve' : 'Deny',
    danger: !approve,
  });
  if (sure) await answer(decision, approve, approve ? 'Approved' : 'Denied');
}

export async function leaveAsItIs({decision}: WaitingUndo): Promise<void> {
  const sure = await confirm({
    title: `Leave as it is: ${decision.plan.summary}?`,
    body: `What was done for incident #${decision.incident} stays: its undo isn't tried again.`,
    yes: 'Leave as it is',
    danger: true,
  });
  if (sure) await answer(decision, false, 'Left as it is');
}

// The form shows what is wrong with it: an error is the caller's.
export async function addSilence(
  matchers: string[],
  for_seconds: number,
  comment: string,
): Promise<void> {
  const silence = await change<Silence>('POST', '/api/v1/silences', {
    matchers,
    for_seconds,
    comment,
  });
  const until = silence.ends ? `, until ${clockTime(silence.ends)}` : '';
  tell(`Silence ${silence.id} is in force for ${duration(for_seconds)}${until}.`);
  refreshAll();
}

export async function endSilence(silence: Silence): Promise<void> {
  const sure = await confirm({
    title: `End silence ${silence.id}?`,
    body: 'What it silenced is told, and repaired where a policy says so.',
    yes: 'End it',
  });
  if (!sure) return;
  await attempt(
    () => change('DELETE', `/api/v1/silences/${encodeURIComponent(silence.id)}`),
    () => `Silence ${silence.id} is over.`,
  );
  refreshAll();
}

export const checkNow = (): Promise<Detection | null> =>
  attempt(
    () => change<Detection>('POST', '/api/v1/detections'),
    (report) =>
      `Checked ${plural(report.sources.length, 'source')} in ${report.took_seconds.toFixed(2)} s: ` +
      (report.findings.length
        ? `${plural(report.findings.length, 'finding')} open.`
        : 'nothing is unusual.'),
  );

export async function reload(): Promise<Reload | null> {
  try {
    const report = await change<Reload>('POST', '/api/v1/reload');
    tell(`Reloaded: ${report.summary}.`);
    refreshAll();
    return report;
  } catch (error) {
    const {message, diagnostics} = error as ApiError;
    tell('The file has errors; the old pipeline goes on.', true);
    return {applied: false, summary: message, diagnostics};
  }
}
