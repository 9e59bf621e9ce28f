// All is well, or what is being done and what needs a person.
import type {ComponentChildren} from 'preact';
import type {Decision, Incident, IncidentChain, Status} from '../api/types';
import {about, lasting, plural} from '../state/format';
import {useResource} from '../state/resource';
import {ApprovalCard} from '../ui/approval';
import {
  Ago,
  Badge,
  Empty,
  FileName,
  IncidentLink,
  NodeLink,
  Pending,
  Section,
  ServiceLink,
} from '../ui/bits';
import {CheckNow} from '../ui/check';
import {Icon, type IconName} from '../ui/icons';
import {IncidentRows} from '../ui/incident_rows';
import {ServiceCard, useServices} from '../ui/service';
import {useStatus} from '../ui/shell';

const RECENT = 8;
const INCIDENT_EVENTS = ['incident', 'finding', 'decision', 'outcome'] as const;

interface Headline {
  tone: 'good' | 'info' | 'warn' | 'bad';
  icon: IconName;
  text: ComponentChildren;
}

function headline(status: Status, open: Incident[], needs: number): Headline {
  const escalated = open.find((incident) => incident.state === 'escalated');
  if (escalated)
    return {tone: 'bad', icon: 'person', text: `${escalated.target_name} needs a person`};
  const acting = open.find(
    (incident) => incident.state === 'acting' || incident.state === 'verifying',
  );
  if (acting)
    return {
      tone: 'info',
      icon: 'work',
      text:
        acting.state === 'acting'
          ? `Repairing ${acting.target_name}`
          : `Verifying ${acting.target_name}`,
    };
  if (status.awaiting_approval > 0)
    return {
      tone: 'warn',
      icon: 'person',
      text: `${plural(status.awaiting_approval, 'action waits', 'actions wait')} for approval`,
    };
  if (open.length > 0)
    return {
      tone: 'warn',
      icon: 'warning',
      text:
        open.length === 1
          ? `${open[0]!.target_name} is unusual`
          : `${open.length} incidents are open`,
    };
  if (status.open_incidents > 0)
    return {tone: 'warn', icon: 'warning', text: plural(status.open_incidents, 'open incident')};
  if (needs > 0)
    return {tone: 'warn', icon: 'warning', text: 'Services are well; heald itself needs a look'};
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

// What heald can't solve by itself, one line each.
function needsOf(status: Status): ComponentChildren[] {
  const out: ComponentChildren[] = [];
  const {remediation, reload_error, nodes, problems} = status;
  if (!remediation.enabled)
    out.push(
      <>
        Remediation was switched off by {remediation.actor}
        {remediation.changed && (
          <>
            , <Ago time={remediation.changed} />
          </>
        )}
        : nothing is repaired.
      </>,
    );
  if (reload_error)
    out.push(
      <>
        The last reload failed, the old pipeline goes on: {reload_error}{' '}
        <a href="/#/config">Configuration</a>
      </>,
    );
  for (const node of nodes)
    if (node.enabled && !node.ok)
      out.push(
        <>
          {node.kind} <NodeLink name={node.name} /> is {node.state}
          {node.detail && `: ${node.detail}`}
        </>,
      );
  for (const problem of problems) out.push(problem);
  return out;
}

// An open incident: what is wrong, and the latest step of what is done about it.
function Work({incident}: {incident: Incident}) {
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
        <p class={steps.length ? '' : 'soft'}>
          {steps[steps.length - 1]?.text ?? 'Nothing is done about it yet.'}
        </p>
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
  const {data: approvals} = useResource<{approvals: Decision[]}>('/api/v1/approvals', [
    'decision',
    'outcome',
    'incident',
  ]);
  if (!status)
    return (
      <>
        <h1 class="visually-hidden" tabIndex={-1}>
          Overview
        </h1>
        <Pending error={error} />
      </>
    );

  const open = incidents?.incidents.filter((incident) => incident.closed === null) ?? [];
  const past = incidents?.incidents.filter((incident) => incident.closed !== null) ?? [];
  const needs = needsOf(status);
  const head = headline(status, open, needs.length);
  const waiting = approvals?.approvals ?? [];
  return (
    <>
      <div class={`headline ${head.tone}`}>
        <span class="headline-sign">
          <Icon name={head.icon} />
        </span>
        <div class="headline-text">
          <h1 tabIndex={-1}>{head.text}</h1>
          <p class="soft">
            {services && `${plural(services.services.length, 'service')} watched, `}
            {plural(status.policies.length, 'policy', 'policies')}
            {status.dry_run && '; dry run: every action is simulated'}
          </p>
        </div>
        <CheckNow />
      </div>
      {(open.length > 0 || needs.length > 0) && (
        <div class="lead">
          {open.length > 0 && (
            <ul class="work" aria-label="Open incidents">
              {open.map((incident) => (
                <Work key={incident.id} incident={incident} />
              ))}
            </ul>
          )}
          {needs.length > 0 && (
            <ul class="needs" aria-label="Needs a person">
              {needs.map((need, i) => (
                <li key={i}>
                  <Icon name="warning" />
                  <div>{need}</div>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      {waiting.length > 0 && (
        <Section title="Waiting for approval">
          <div class="cards">
            {waiting.map((decision) => (
              <ApprovalCard key={decision.id} decision={decision} />
            ))}
          </div>
        </Section>
      )}
      <Section title="Services">
        {services && services.services.length === 0 && <Empty>No samples have come in yet.</Empty>}
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
