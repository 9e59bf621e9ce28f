// One incident, from the first sample to the verification.
import type {ActionCall, Approvals, ChainEvent, Decision, IncidentChain, Outcome} from '../api/types';
import {about, clockTime, duration, exact, offset, parted, span, words} from '../state/format';
import {useResource} from '../state/resource';
import {ApprovalCard, DecisionFacts} from '../ui/approval';
import {
  Ago,
  Badge,
  Facts,
  Joined,
  LabelList,
  NodeLink,
  PageHead,
  Pending,
  Section,
  ServiceLink,
  STORM,
  toneOf,
} from '../ui/bits';
import {FindingCard} from '../ui/finding';
import {Guards} from '../ui/guards';
import {isQuiet} from '../ui/headline';
import {Icon, type IconName} from '../ui/icons';
import {QuietBadge, QuietText} from '../ui/quiet';
import {matchersOf, SilenceButton} from '../ui/silence';
import {JudgementText} from '../ui/judgement';
import {LabelControl} from '../ui/label';

const EVENTS = ['incident', 'finding', 'decision', 'outcome', 'silence'] as const;
const HINT_EVENT = 'incident.hint'; // shown in a place of its own

// The sign and tone of a step, by the first and last word of its name.
function lookOf(event: string): [IconName, string] {
  const [what = '', how = ''] = event.split('.');
  if (/failed|escalated|expired/.test(how)) return ['critical', 'bad'];
  if (/verified|resolved|cleared/.test(how)) return ['check', 'good'];
  if (/refused|denied|withdrawn/.test(how)) return ['pause', 'warn'];
  if (what === 'finding') return ['pulse', 'warn'];
  if (what === 'incident') return ['warning', 'warn'];
  if (what === 'approval') return ['person', 'warn'];
  if (what === 'execution' || what === 'undo') return ['work', 'info'];
  if (what === 'canary') return /passed/.test(how) ? ['check', 'good'] : ['eye', 'info'];
  if (what === 'decision') return ['shield', 'info'];
  return ['ring', toneOf(event)];
}

function Calls({calls}: {calls: ActionCall[]}) {
  return (
    <ul class="timeline-calls" aria-label="What was called">
      {calls.map((made, i) => (
        <li key={i}>
          <code>{made.call}</code>{' '}
          <span class="soft">
            {made.answer}, {duration(made.took_seconds)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Timeline({events, from}: {events: ChainEvent[]; from: string}) {
  return (
    <ol class="timeline">
      {events.map((event, i) => {
        const [icon, tone] = lookOf(event.event);
        return (
          <li key={i} class={tone}>
            <span class="timeline-sign">
              <Icon name={icon} />
            </span>
            <span class="timeline-time">
              {event.time && (
                <time dateTime={event.time} title={exact(event.time)}>
                  {clockTime(event.time)}
                  <span class="soft"> {offset(event.time, from)}</span>
                </time>
              )}
            </span>
            <div class="timeline-text">
              <span class="timeline-event">{words(event.event).replace('.', ' ')}</span>{' '}
              {parted(event.text)}
              {event.actor !== 'heald' && <span class="soft"> by {event.actor}</span>}
              {event.calls && event.calls.length > 0 && <Calls calls={event.calls} />}
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function DecisionCard({
  decision,
  outcomes,
  afterwards,
  live,
}: {
  decision: Decision;
  outcomes: Outcome[];
  afterwards: string | undefined;
  live: boolean;
}) {
  const mine = outcomes.filter((outcome) => outcome.decision === decision.id);
  if (live && decision.verdict === 'awaits_approval' && mine.length === 0)
    return <ApprovalCard decision={decision} />;
  return (
    <article class="card" aria-label={decision.plan.summary}>
      <div class="card-head">
        <h3>
          {decision.plan.summary || decision.action}
          {decision.steps > 1 && ` (step ${decision.step} of ${decision.steps})`}
        </h3>
        <span>
          <Badge state={decision.verdict} /> <Badge state={decision.mode} />
          {decision.dry_run && <Badge state="dry_run" />}
        </span>
      </div>
      <DecisionFacts decision={decision} />
      <Guards decision={decision} />
      {afterwards && (
        <p class="soft">
          <Icon name="info" /> {afterwards}
        </p>
      )}
      {mine.length > 0 && (
        <ul class="plain outcomes" aria-label="Outcome">
          {mine.map((outcome, i) => (
            <li key={i}>
              <Badge state={outcome.state} /> {parted(outcome.detail)}{' '}
              <span class="soft small">
                <Ago time={outcome.time} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}

export function IncidentPage({id}: {id: string}) {
  const {data, error} = useResource<IncidentChain>(
    `/api/v1/incidents/${encodeURIComponent(id)}`,
    EVENTS,
  );
  const {data: waiting} = useResource<Approvals>('/api/v1/approvals', [
    'decision',
    'outcome',
    'incident',
  ]);
  if (!data)
    return (
      <>
        <PageHead title={`Incident #${id}`} />
        <Pending error={error} />
        {error && (
          <p class="back">
            <a href="/#/incidents">All incidents</a>
          </p>
        )}
      </>
    );
  const first = data.timeline[0]?.time ?? data.opened ?? '';
  const nodes = [...new Set(data.findings.map((finding) => finding.node))];
  const asks = new Set(waiting?.approvals.map((decision) => decision.id));
  return (
    <>
      <PageHead title={`Incident #${data.id}`} lead={about(data)}>
        <Badge state={data.state} />
        <Badge state={data.severity} />
        <QuietBadge incident={data} />
        {data.closed === null && !data.silenced_by && data.target_name !== STORM && (
          <SilenceButton matchers={matchersOf(data.target)} word="Silence this" />
        )}
      </PageHead>
      {isQuiet(data) && (
        <p class="note">
          <QuietText incident={data} />
        </p>
      )}
      <Facts
        items={[
          ['Service', <ServiceLink name={data.target_name} />],
          ['Target', <LabelList labels={data.target} />],
          ['Opened', <Ago time={data.opened} />],
          [
            'Ended',
            data.closed && data.opened ? (
              <>
                <Ago time={data.closed} />, after{' '}
                {span(Date.parse(data.closed) - Date.parse(data.opened))}
              </>
            ) : (
              'not yet'
            ),
          ],
          [
            'Found by',
            <Joined
              items={nodes.map((node) => (
                <NodeLink name={node} />
              ))}
            />,
          ],
          ['Trace', <span class="mono small">{data.trace_id}</span>],
        ]}
      />
      <div class="labelling">
        <span class="soft">It really was</span>
        <LabelControl incident={data} />
      </div>
      <div class="columns">
        <Section title="Timeline">
          <Timeline
            events={data.timeline.filter((event) => event.event !== HINT_EVENT)}
            from={first}
          />
        </Section>
        <div>
          {data.hints.length > 0 && (
            <Section title="What may have caused it">
              <ul class="hints">
                {data.hints.map((hint, i) => (
                  <li key={i}>
                    {hint.text}
                    {hint.time && (
                      <time class="soft small" dateTime={hint.time} title={exact(hint.time)}>
                        {clockTime(hint.time)}
                      </time>
                    )}
                  </li>
                ))}
              </ul>
            </Section>
          )}
          <Section title="Findings">
            <div class="stack">
              {data.findings.map((finding) => (
                <div key={finding.id}>
                  <FindingCard finding={finding} />
                  {data.judgements[finding.id] && (
                    <p>
                      <JudgementText judgement={data.judgements[finding.id]} />
                    </p>
                  )}
                </div>
              ))}
            </div>
          </Section>
          <Section title="Decisions">
            <div class="stack">
              {data.decisions.length === 0 && (
                <p class="empty">Nothing was decided: no policy's condition held.</p>
              )}
              {data.decisions.map((decision) => (
                <DecisionCard
                  key={decision.id}
                  decision={decision}
                  outcomes={data.outcomes}
                  afterwards={data.afterwards[decision.id]}
                  live={asks.has(decision.id)}
                />
              ))}
            </div>
          </Section>
        </div>
      </div>
    </>
  );
}
