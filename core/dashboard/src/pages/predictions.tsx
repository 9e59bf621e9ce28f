// What is about to go wrong: how likely, when, where, and what would help.
import type {Finding} from '../api/types';
import {useCell} from '../state/cell';
import {clock} from '../state/clock';
import {ago, exact, expectation, formatValue, percent, span} from '../state/format';
import type {Route} from '../state/router';
import {
  Ago,
  Badge,
  Empty,
  Facts,
  IncidentLink,
  NodeLink,
  PageHead,
  Pending,
  ServiceLink,
} from '../ui/bits';
import {Filter} from '../ui/filter';
import {JudgementText} from '../ui/judgement';
import {findingState} from '../ui/finding';
import {LazyChart} from '../ui/lazy_chart';
import {PageFrame, usePages} from '../ui/list';
import {useStatus} from '../ui/shell';

function Countdown({finding}: {finding: Finding}) {
  const now = useCell(clock);
  if (!finding.eta) return <>at an unknown time</>;
  const left = Date.parse(finding.eta) - now;
  const early = finding.eta_low && Math.max(0, Date.parse(finding.eta_low) - now);
  const late = finding.eta_high && Date.parse(finding.eta_high) - now;
  return (
    <>
      <time dateTime={finding.eta} title={exact(finding.eta)}>
        {left > 0 ? `in ${span(left)}` : `expected ${ago(finding.eta, now)}`}
      </time>
      {early !== null && early !== '' && late && late > 0 && (
        <span class="soft">
          {' '}
          (between {span(early)} and {span(late)} from now)
        </span>
      )}
    </>
  );
}

// A link where it is the name of an action; else it is meant for people.
function Recommended({action}: {action: string}) {
  const {data: status} = useStatus();
  const known = status?.nodes.some((node) => node.kind === 'action' && node.name === action);
  return known ? <NodeLink name={action} /> : <>{action || 'nothing'}</>;
}

function Prediction({finding}: {finding: Finding}) {
  const over = finding.state === 'clear';
  return (
    <article class={`card prediction ${over ? 'over' : ''}`} aria-label={finding.description}>
      <div class="card-head">
        <h2>
          <ServiceLink name={finding.target_name} /> {finding.summary || finding.metric}
        </h2>
        <Badge state={findingState(finding)} />
      </div>
      <p class="prediction-lead">
        <span class="big">{percent(finding.probability)}</span> likely,{' '}
        {over ? 'no longer predicted' : <Countdown finding={finding} />}
      </p>
      <meter
        class="probability"
        min={0}
        max={1}
        value={finding.probability ?? 0}
        aria-label="Probability"
      />
      <Facts
        items={[
          ['Component', finding.component || finding.target_name],
          ['Recommended', <Recommended action={finding.recommended_action} />],
          [
            'Now',
            `${finding.metric} ${formatValue(finding.value, finding.unit)}${expectation(finding) && `, ${expectation(finding)}`}`,
          ],
          ['Incident', <IncidentLink id={finding.incident} />],
          ['Predicted by', <NodeLink name={finding.node} />],
          ['Since', <Ago time={finding.began} />],
          ['Judgement', <JudgementText judgement={finding.judgement} />],
        ]}
      />
      {finding.recent.length >= 3 && <LazyChart finding={finding} />}
    </article>
  );
}

export function Predictions({route}: {route: Route}) {
  const state = route.query.get('state') === 'open' ? 'open' : '';
  const pages = usePages<Finding>({
    path: `/api/v1/predictions${state && '?state=open'}`,
    member: 'predictions',
    events: ['finding', 'incident'],
    keyOf: (finding) => finding.id,
  });
  return (
    <>
      <PageHead title="Predictions" lead="What the trend says will go wrong, before it does.">
        <Filter
          name="State"
          page="predictions"
          parameter="state"
          value={state}
          options={[
            ['', 'all'],
            ['open', 'open'],
          ]}
        />
      </PageHead>
      {!pages.items ? (
        <Pending error={pages.error} />
      ) : pages.items.length === 0 ? (
        <Empty>
          {state ? 'Nothing is predicted to fail right now.' : 'Nothing was predicted so far.'}
        </Empty>
      ) : (
        <PageFrame pages={pages}>
          <div class="cards wide">
            {pages.items.map((finding) => (
              <Prediction key={finding.id} finding={finding} />
            ))}
          </div>
        </PageFrame>
      )}
    </>
  );
}
