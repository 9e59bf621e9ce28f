// A decision with all that a person needs to judge it.
import type {Decision, WaitingUndo} from '../api/types';
import {duration} from '../state/format';
import {decide, leaveAsItIs} from './act';
import {Ago, Badge, Button, Facts, IncidentLink, NodeLink, PolicyLink, ServiceLink} from './bits';
import {Guards} from './guards';

export function DecisionFacts({decision}: {decision: Decision}) {
  const plan = decision.plan;
  return (
    <Facts
      items={[
        ['Policy', <PolicyLink name={decision.policy} />],
        ['Action', <NodeLink name={decision.action} />],
        ['Target', <ServiceLink name={decision.target_name} />],
        ['Because', decision.why || 'its condition held'],
        [
          'Decided',
          <>
            <Ago time={decision.time} /> by {decision.actor}
            {decision.via && decision.via !== 'link' && ` (${decision.via})`}
          </>,
        ],
        ['Can be undone', plan.reversible ? 'yes' : 'no'],
        ...(plan.effect_within_seconds > 0
          ? [['Takes effect', `within ${duration(plan.effect_within_seconds)}`] as [string, string]]
          : []),
        [
          'Plan',
          <span class="mono small" title={decision.plan_hash}>
            {decision.plan_hash.slice(0, 12)}
          </span>,
        ],
      ]}
    />
  );
}

// `level`: of the heading, where the card stands.
export function ApprovalCard({decision, level = 3}: {decision: Decision; level?: 2 | 3}) {
  const Heading = `h${level}` as const;
  return (
    <article class="card approval" aria-label={`Approval: ${decision.plan.summary}`}>
      <div class="card-head">
        <Heading>{decision.plan.summary}</Heading>
        <Badge state="awaits_approval">waits for you</Badge>
      </div>
      <p>
        <ServiceLink name={decision.target_name} />, incident{' '}
        <IncidentLink id={decision.incident} />, asked <Ago time={decision.time} />
        {decision.expires && (
          <>
            , expires <Ago time={decision.expires} />
          </>
        )}
      </p>
      <DecisionFacts decision={decision} />
      <Guards decision={decision} />
      <div class="card-tools">
        <Button role="approver" kind="primary" onClick={() => void decide(decision, true)}>
          Approve
        </Button>
        <Button role="operator" onClick={() => void decide(decision, false)}>
          Deny
        </Button>
      </div>
    </article>
  );
}

// What was done and should be gone again, but nobody could be reached.
export function UndoCard({undo}: {undo: WaitingUndo}) {
  const {decision, since, why} = undo;
  return (
    <article class="card approval" aria-label={`Undo: ${decision.plan.summary}`}>
      <div class="card-head">
        <h3>{decision.plan.summary}</h3>
        <Badge state="refused">not undone yet</Badge>
      </div>
      <p>
        <ServiceLink name={decision.target_name} />, incident{' '}
        <IncidentLink id={decision.incident} />, should have been undone <Ago time={since} />; heald
        tries it again by itself
      </p>
      <p class="small">{why}</p>
      <Facts
        items={[
          ['Policy', <PolicyLink name={decision.policy} />],
          ['Action', <NodeLink name={decision.action} />],
        ]}
      />
      <div class="card-tools">
        <Button role="operator" onClick={() => void leaveAsItIs(undo)}>
          Leave as it is
        </Button>
      </div>
    </article>
  );
}
