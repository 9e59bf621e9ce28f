// When heald acts: each policy with its mode, and what holds it back.
import type {ComponentChildren} from 'preact';
import {useEffect} from 'preact/hooks';
import {me, refusal} from '../api/client';
import type {Mode, Policy, Role} from '../api/types';
import {useCell} from '../state/cell';
import {duration, plural} from '../state/format';
import {useResource} from '../state/resource';
import type {Route} from '../state/router';
import {setEnabled, setMode} from '../ui/act';
import {Ago, Badge, Button, Empty, Facts, Joined, NodeLink, PageHead, Pending} from '../ui/bits';
import {tell} from '../ui/dialog';
import {efficacyText, useEfficacy} from '../ui/efficacy';

// From the one that does least by itself to the one that does most.
const MODES: {mode: Mode; tells: string}[] = [
  {mode: 'shadow', tells: 'says what it would do'},
  {mode: 'approve', tells: 'asks a person first'},
  {mode: 'enforce', tells: 'acts by itself'},
];

const reach = (mode: Mode): number => MODES.findIndex((known) => known.mode === mode);

// As the agent has it: who lets a policy do more answers for it, anybody on duty may hold it back.
const roleFor = (more: boolean): Role => (more ? 'admin' : 'operator');

function ModeControl({policy}: {policy: Policy}) {
  useCell(me);
  return (
    <fieldset class="segments">
      <legend class="visually-hidden">Mode of {policy.name}</legend>
      {MODES.map(({mode, tells}) => {
        const why = refusal(roleFor(reach(mode) > reach(policy.mode)));
        return (
          <label key={mode} title={why || `${mode}: ${tells}`} class={why ? 'refused' : ''}>
            <input
              type="radio"
              name={`mode-${policy.name}`}
              value={mode}
              checked={policy.mode === mode}
              aria-disabled={why ? 'true' : undefined}
              onClick={(event) => {
                // Shown only when the agent says that it is so.
                event.preventDefault();
                if (why) tell(`Not changed: ${why}`, true);
                else void setMode(policy, mode);
              }}
            />
            <span>{mode}</span>
          </label>
        );
      })}
    </fieldset>
  );
}

function stepText(policy: Policy, step: Policy['steps'][number]): string {
  const parts = [
    step.mode === policy.mode ? '' : `only in mode ${step.mode}`,
    step.canary ? `a canary first, the rest once ${step.canary}` : '',
    step.on_refused === 'next' ? 'passed over where its guards refuse' : '',
    step.undo_after_seconds ? `taken back after ${duration(step.undo_after_seconds)}` : '',
  ].filter(Boolean);
  return parts.length > 0 ? `: ${parts.join('; ')}` : '';
}

function guardText(policy: Policy): string {
  const {for_seconds, cooldown_seconds, max_per_hour, excluded} = policy.guard;
  const {max_targets, min_healthy, breaker, windows, deny_windows} = policy.guard;
  const parts: string[] = [];
  if (for_seconds > 0) parts.push(`held for ${duration(for_seconds)}`);
  if (cooldown_seconds > 0) parts.push(`cooldown ${duration(cooldown_seconds)}`);
  if (max_per_hour > 0) parts.push(`at most ${max_per_hour} an hour`);
  if (max_targets) parts.push(`at most ${max_targets} of the targets at once`);
  if (min_healthy) parts.push(`only while ${min_healthy} are healthy`);
  if (breaker.failures > 0)
    parts.push(
      `rests ${duration(breaker.for_seconds)} after ${plural(breaker.failures, 'failure')} in a row`,
    );
  if (windows.length > 0) parts.push(`only ${windows.join(', or ')}`);
  if (deny_windows.length > 0) parts.push(`not ${deny_windows.join(', nor ')}`);
  if (excluded.length > 0) parts.push(`not ${excluded.join(', ')}`);
  return parts.join('; ') || 'none';
}

function Changed({policy}: {policy: Policy}) {
  const differs = policy.mode !== policy.file_mode || policy.enabled !== policy.file_enabled;
  if (!policy.changed_by && !differs) return null;
  return (
    <p class="note">
      The file says {policy.file_mode}
      {!policy.file_enabled && ', disabled'}
      {policy.changed_by && (
        <>
          ; changed by {policy.changed_by} {policy.changed && <Ago time={policy.changed} />}
          {policy.changed_reason && `: ${policy.changed_reason}`}
        </>
      )}
      .
    </p>
  );
}

function PolicyCard({policy, chosen}: {policy: Policy; chosen: boolean}) {
  const done = useEfficacy().data?.policies.find((other) => other.policy === policy.name);
  return (
    <article
      class={`card policy ${policy.enabled ? '' : 'parked'} ${chosen ? 'chosen' : ''}`}
      id={`policy-${policy.name}`}
      aria-label={policy.name}
    >
      <div class="card-head">
        <h2>{policy.name}</h2>
        <div class="policy-tools">
          <ModeControl policy={policy} />
          <Button
            role={roleFor(!policy.enabled)}
            aria-label={`${policy.enabled ? 'Disable' : 'Enable'} ${policy.name}`}
            onClick={() => void setEnabled(policy, !policy.enabled)}
          >
            {policy.enabled ? 'Disable' : 'Enable'}
          </Button>
        </div>
      </div>
      {!policy.enabled && (
        <p>
          <Badge state="disabled">disabled: it decides nothing</Badge>
        </p>
      )}
      <Changed policy={policy} />
      <Facts
        items={[
          ['When', policy.when ? <code>{policy.when}</code> : 'always, on any finding'],
          [
            'Looks at',
            <Joined
              items={policy.inputs.map((name) => (
                <NodeLink name={name} />
              ))}
            />,
          ],
          ...(policy.steps.length > 0
            ? policy.steps.map((step, index): [string, ComponentChildren] => [
                index === 0 ? 'First' : 'If that fails',
                <>
                  <NodeLink name={step.action} />
                  {stepText(policy, step)}
                </>,
              ])
            : [['Does', <NodeLink name={policy.action} />] as [string, ComponentChildren]]),
          ...Object.entries(policy.recommended_actions).map(
            ([recommendation, action]): [string, ComponentChildren] => [
              `Where ${recommendation} is recommended`,
              <NodeLink name={action} />,
            ],
          ),
          ['Guards', guardText(policy)],
          [
            'Healed when',
            policy.verify_within_seconds
              ? `all is normal within ${duration(policy.verify_within_seconds)}`
              : 'all is normal',
          ],
          ...(policy.mode === 'approve'
            ? [
                ['Answers', `count for ${duration(policy.approval_expires_seconds)}`] as [
                  string,
                  ComponentChildren,
                ],
              ]
            : []),
          [
            'Predictions',
            policy.allow_on_prediction ? 'may act on them' : 'never acts on them alone',
          ],
          ['Last 30 days', done ? efficacyText(done) : '…'],
        ]}
      />
    </article>
  );
}

export function Policies({route}: {route: Route}) {
  const {data, error} = useResource<{policies: Policy[]}>('/api/v1/policies', ['policy', 'reload']);
  const chosen = route.rest[0] ?? '';
  useEffect(() => {
    if (data && chosen)
      document.getElementById(`policy-${chosen}`)?.scrollIntoView({block: 'center'});
  }, [chosen, data === null]);
  return (
    <>
      <PageHead
        title="Policies"
        lead={
          data &&
          `${plural(data.policies.length, 'policy', 'policies')}: when heald acts, and what holds it back.`
        }
      />
      {!data ? (
        <Pending error={error} />
      ) : data.policies.length === 0 ? (
        <Empty>No policies: findings are reported, nothing is done.</Empty>
      ) : (
        <div class="stack">
          {data.policies.map((policy) => (
            <PolicyCard key={policy.name} policy={policy} chosen={policy.name === chosen} />
          ))}
        </div>
      )}
    </>
  );
}
