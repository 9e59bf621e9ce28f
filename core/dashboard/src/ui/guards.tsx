// What the guards said: those that refuse first, those that allow folded away.
import type {Decision, GuardVerdict} from '../api/types';
import {plural, words} from '../state/format';
import {Icon} from './icons';

function Verdicts({guards, label}: {guards: GuardVerdict[]; label: string}) {
  return (
    <ul class="guards" aria-label={label}>
      {guards.map((guard, i) => (
        <li key={i} class={guard.allowed ? 'good' : 'bad'}>
          <Icon name={guard.allowed ? 'check' : 'cross'} />
          <span class="guard-name">{words(guard.guard)}</span>
          <span class="guard-reason">
            <span class="visually-hidden">{guard.allowed ? 'allows: ' : 'refuses: '}</span>
            {guard.reason}
          </span>
        </li>
      ))}
    </ul>
  );
}

export function Guards({decision}: {decision: Decision}) {
  const refused = decision.guards.filter((guard) => !guard.allowed);
  const allowed = decision.guards.filter((guard) => guard.allowed);
  return (
    <div class="guard-groups">
      {refused.length > 0 && <Verdicts guards={refused} label="Guards that refuse" />}
      {allowed.length > 0 && (
        <details>
          <summary>
            <span class="good">
              <Icon name="check" />
            </span>{' '}
            {plural(allowed.length, 'guard')} ok
          </summary>
          <Verdicts guards={allowed} label="Guards" />
        </details>
      )}
    </div>
  );
}
