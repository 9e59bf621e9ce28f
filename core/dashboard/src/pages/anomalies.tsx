// What is unusual, or was: value against the expected band.
import {useState} from 'preact/hooks';
import type {Finding} from '../api/types';
import {digits, expectation, seen} from '../state/format';
import type {Route} from '../state/router';
import {Ago, Badge, Empty, IncidentLink, PageHead, Pending, ServiceLink} from '../ui/bits';
import {Filter} from '../ui/filter';
import {FindingDetail, findingState} from '../ui/finding';
import {Icon} from '../ui/icons';
import {PageFrame, usePages} from '../ui/list';
import {Sparkline} from '../ui/sparkline';

function Row({finding}: {finding: Finding}) {
  const [open, setOpen] = useState(false);
  const ownWords = finding.state !== 'clear' && finding.summary;
  return (
    <li class="anomaly">
      <button
        type="button"
        class="button quiet expand"
        aria-expanded={open}
        aria-label={`${open ? 'Hide' : 'Show'} ${finding.metric} of ${finding.target_name}`}
        onClick={() => setOpen(!open)}
      >
        <Icon name="down" />
      </button>
      <span class="row-state">
        <Badge state={findingState(finding)} />
      </span>
      <div class="row-main">
        <strong>
          <ServiceLink name={finding.target_name} />
        </strong>{' '}
        {ownWords || seen(finding)}
        <span class="soft"> {!ownWords && expectation(finding)}</span>
      </div>
      <Sparkline
        values={finding.recent}
        low={finding.expected_low}
        high={finding.expected_high}
        label={`Latest values of ${finding.metric}`}
      />
      <span class="row-side soft">
        {finding.score !== null && finding.state !== 'clear' && `score ${digits(finding.score)}`}
      </span>
      <span class="row-side">
        <IncidentLink id={finding.incident} />
      </span>
      <span class="row-time soft">
        <Ago time={finding.began} />
      </span>
      {open && <FindingDetail finding={finding} />}
    </li>
  );
}

export function Anomalies({route}: {route: Route}) {
  const state = route.query.get('state') === 'open' ? 'open' : '';
  const pages = usePages<Finding>({
    path: `/api/v1/anomalies${state && '?state=open'}`,
    member: 'anomalies',
    events: ['finding', 'incident'],
    keyOf: (finding) => finding.id,
  });
  return (
    <>
      <PageHead title="Anomalies" lead="Values outside of what was expected, newest first.">
        <Filter
          name="State"
          page="anomalies"
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
          {state ? 'Nothing is unusual right now.' : 'Nothing unusual was seen so far.'}
        </Empty>
      ) : (
        <PageFrame pages={pages}>
          <ul class="rows">
            {pages.items.map((finding) => (
              <Row key={finding.id} finding={finding} />
            ))}
          </ul>
        </PageFrame>
      )}
    </>
  );
}
