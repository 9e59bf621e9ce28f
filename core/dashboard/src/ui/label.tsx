// What people say of an incident afterwards, and where they say it.
import {refusal} from '../api/client';
import type {Incident, LabelValue} from '../api/types';
import {useCell} from '../state/cell';
import {words} from '../state/format';
import {me} from '../api/client';
import {setLabel} from './act';
import {Ago, Badge, Button} from './bits';
import {tell} from './dialog';

const LABELS: [LabelValue, string][] = [
  ['true_positive', 'something really was wrong'],
  ['false_positive', 'nothing was wrong'],
  ['noise', 'true, but of no use to anybody'],
  ['expected', 'a planned change'],
];

export const LabelBadge = ({incident}: {incident: Incident}) =>
  incident.label ? <Badge state="labelled">{words(incident.label.value)}</Badge> : null;

export function LabelControl({incident}: {incident: Incident}) {
  useCell(me);
  const why = refusal('operator');
  const {label} = incident;
  return (
    <div class="label-control">
      <fieldset class="segments">
        <legend class="visually-hidden">What it really was</legend>
        {LABELS.map(([value, tells]) => (
          <label key={value} title={why || tells} class={why ? 'refused' : ''}>
            <input
              type="radio"
              name="label"
              value={value}
              checked={label?.value === value}
              aria-disabled={why ? 'true' : undefined}
              onClick={(event) => {
                // Shown only when the agent says that it is so.
                event.preventDefault();
                if (why) tell(`Not changed: ${why}`, true);
                else void setLabel(incident, value);
              }}
            />
            <span>{words(value)}</span>
          </label>
        ))}
      </fieldset>
      {label && (
        <p class="soft small">
          said by {label.actor} <Ago time={label.time} />
          {label.comment && `: ${label.comment}`}{' '}
          <Button kind="quiet" role="operator" onClick={() => void setLabel(incident, null)}>
            Take back
          </Button>
        </p>
      )}
    </div>
  );
}
