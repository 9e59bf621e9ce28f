// The first page: all is well, or what is being done and what needs a person.
import {useEffect} from 'preact/hooks';
import type {Approvals, Decision, Incident, IncidentChain, Status} from '../api/types';
import {about, lasting, parted, plural} from '../state/format';
import {useResource} from '../state/resource';
import {setTitle} from '../state/title';
import {ApprovalCard} from '../ui/approval';
import {ApprovalLine} from '../ui/approval_line';
import {
  Ago,
  Badge,
  Empty,
  FileName,
  IncidentLink,
  Pending,
  Section,
  ServiceLink,
} from '../ui/bits';
import {CheckNow} from '../ui/check';
import {headline, isQuiet, needsOf, type Headline} from '../ui/headline';
import {Icon} from '../ui/icons';
import {IncidentRows} from '../ui/incident_rows';
import {useLost} from '../ui/lost';
import {QuietText} from '../ui/quiet';
import {NoServices, ServiceCard, useServices} from '../ui/service';
import {useStatus} from '../ui/shell';

const RECENT = 8;
const INCIDENT_EVENTS = ['incident', 'finding', 'decision', 'outcome'] as const;

// An open incident: what is wrong, and the latest step of what is done about it, or what is asked.
function Work({incident, asked}: {incident: Incident; asked: Decision[]}) {
  const {data: chain} = useResource<IncidentChain>(
    `/api/v1/incidents/${incident.id}`,
    INCIDENT_EVENTS,
  );
  const steps = chain?.timeline.filter((event) => !/^(finding|incident)\./.test(event.event)) ?? [];
  return (
    <li>
      <Badge state={incident.state} />
      <div>
        <p>
          <IncidentLink id={incident.id} /> <ServiceLink name={incident.target_name} />:{' '}
          {about(incident)}
          <span class="soft">
            {', '}
            <Ago time={incident.opened} how={lasting} />
          </span>
        </p>
        {asked.map((decision) => (
          <ApprovalLine key={decision.id} decision={decision} />
        ))}
        {asked.length === 0 && (
          <p class={steps.length ? '' : 'soft'}>
            {isQuiet(incident) ? (
              <QuietText incident={incident} />
            ) : (
              parted(steps[steps.length - 1]?.text ?? 'Nothing is done about it yet.')
            )}
          </p>
        )}
      </div>
    </li>
  );
}

export function Overview() {
  const {data: status, error} = useStatus();
  const {data: services} = useServices();
  const {data: incidents} = useResource<{incidents: Incident[]}>(
    `/api/v1/incidents?limit=${RECENT}`,
    INCIDENT_EVENTS,
  );
  const {data: approvals} = useResource<Approvals>('/api/v1/approvals', [
    'decision',
    'outcome',
    'incident',
  ]);
  const listed = incidents?.incidents.filter((incident) => incident.closed === null) ?? [];
  // A list has no findings; the one that leads needs them. The same answer as in its line below.
  const leading = listed.find((incident) => !isQuiet(incident));
  const {data: chain} = useResource<Incident | Status>(
    leading ? `/api/v1/incidents/${leading.id}` : '/api/v1/status',
    INCIDENT_EVENTS,
  );
  const lost = useLost();
  useEffect(() => setTitle('Overview'), []);
  if (!status)
    return (
      <>
        <h1 class="visually-hidden" tabIndex={-1}>
          Overview
        </h1>
        <Pending error={error} />
      </>
    );

  const open = listed.map((incident) =>
    chain && 'findings' in chain && chain.id === incident.id
      ? {...incident, findings: chain.findings}
      : incident,
  );
  const past = incidents?.incidents.filter((incident) => incident.closed !== null) ?? [];
  const needs = needsOf(status);
  // The storm's own is told among the needs.
  const shown = open.filter((incident) => incident.id !== status.storm?.incident);
  const quiet = new Set(open.filter(isQuiet).map((incident) => incident.id));
  const asked = approvals?.approvals ?? [];
  const waiting = asked.filter((decision) => !quiet.has(decision.incident));
  // Those whose incident isn't among the latest.
  const elsewhere = waiting.filter(
    (decision) => !open.some((incident) => incident.id === decision.incident),
  );
  const head: Headline = lost
    ? {tone: 'warn', icon: 'warning', text: lost.head}
    : headline(status, open, status.awaiting_approval - asked.length + waiting.length, needs);
  return (
    <>
      <div class={`headline ${head.tone}`}>
        <span class="headline-sign">
          <Icon name={head.icon} />
        </span>
        <div class="headline-text">
          <h1 tabIndex={-1}>{head.text}</h1>
          <p class="soft">
            {lost ? (
              lost.asOf
            ) : (
              <>
                {services && `${plural(services.services.length, 'service')} watched, `}
                {plural(status.policies.length, 'policy', 'policies')}
                {status.dry_run && '; dry run: every action is simulated'}
                {status.silences > 0 && (
                  <>
                    ; <a href="/#/silences">{plural(status.silences, 'silence')}</a> in force
                  </>
                )}
              </>
            )}
          </p>
        </div>
        <CheckNow />
      </div>
      {(shown.length > 0 || needs.length > 0) && (
        <div class="lead">
          {shown.length > 0 && (
            <ul class="work" aria-label="Open incidents">
              {shown.map((incident) => (
                <Work
                  key={incident.id}
                  incident={incident}
                  asked={waiting.filter((decision) => decision.incident === incident.id)}
                />
              ))}
            </ul>
          )}
          {needs.length > 0 && (
            <ul class="needs" aria-label="Needs a person">
              {needs.map((need, i) => (
                <li key={i}>
                  <Icon name="warning" />
                  <div>{need.text}</div>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      {elsewhere.length > 0 && (
        <Section title="Waiting for approval">
          <div class="cards">
            {elsewhere.map((decision) => (
              <ApprovalCard key={decision.id} decision={decision} />
            ))}
          </div>
        </Section>
      )}
      <Section title="Services">
        {services && services.services.length === 0 && <NoServices />}
        <div class="cards">
          {services?.services.map((service) => (
            <ServiceCard key={service.name} service={service} />
          ))}
        </div>
      </Section>
      <Section title="Recent incidents" tools={<a href="/#/incidents">All incidents</a>}>
        {incidents && past.length === 0 ? (
          <Empty>None that ended so far.</Empty>
        ) : (
          <IncidentRows incidents={past.slice(0, 5)} />
        )}
      </Section>
      {status.links.length > 0 && (
        <Section title="Elsewhere">
          <ul class="links">
            {status.links.map((link) => (
              <li key={link.name}>
                <a href={link.url} rel="noreferrer" target="_blank">
                  {link.name} <Icon name="link" />
                  <span class="visually-hidden"> (new tab)</span>
                </a>
              </li>
            ))}
          </ul>
        </Section>
      )}
      <footer class="soft small">
        heald {status.version}, <FileName path={status.pipeline_file} />, started{' '}
        <Ago time={status.started} />
      </footer>
    </>
  );
}
