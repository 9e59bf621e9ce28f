// A service's state and signals; short lines of what was seen since the page was opened.
import {useEffect} from 'preact/hooks';
import type {Service, Signal} from '../api/types';
import {Cell, useCell} from '../state/cell';
import {about, formatValue, guessUnit, labelText} from '../state/format';
import {useResource} from '../state/resource';
import {Ago, Badge, Empty, IncidentLink, ServiceLink, STORM} from './bits';
import {useStatus} from './shell';
import {Sparkline} from './sparkline';

const KEPT = 60;

interface Line {
  time: string | null;
  values: (number | null)[];
}

const lines = new Cell<ReadonlyMap<string, Line>>(new Map());

const keyOf = (service: Service, signal: Signal): string =>
  `${service.name}\n${signal.source}\n${signal.name}\n${labelText(signal.labels)}`;

function remember(services: Service[]): void {
  const next = new Map(lines.get());
  for (const service of services)
    for (const signal of service.signals) {
      const key = keyOf(service, signal);
      const line = next.get(key);
      if (line?.time === signal.time) continue;
      next.set(key, {
        time: signal.time,
        values: [...(line?.values ?? []), signal.value].slice(-KEPT),
      });
    }
  lines.set(next);
}

// Fetched anew with every beat of the pipeline's numbers.
export function useServices() {
  const answer = useResource<{services: Service[]}>('/api/v1/services', [
    'pipeline',
    'incident',
    'decision',
    'outcome',
  ]);
  useEffect(() => {
    if (answer.data) remember(answer.data.services);
  }, [answer.data]);
  const services = answer.data?.services.filter((service) => service.name !== STORM);
  return {...answer, data: services ? {services} : null};
}

// The signals that say most come first; `up` only when it is not.
const ORDER = ['latency', 'error', 'rate', 'flight', 'cpu', 'memory'];

function main(signals: Signal[], limit: number): Signal[] {
  const rank = (signal: Signal) => {
    if (signal.name === 'up') return signal.value === 0 ? -1 : 99;
    const at = ORDER.findIndex((word) => signal.name.includes(word));
    return at < 0 ? 50 : at;
  };
  return [...signals].sort((a, b) => rank(a) - rank(b)).slice(0, limit);
}

export function Signals({service, limit}: {service: Service; limit: number}) {
  const known = useCell(lines);
  return (
    <ul class="signals">
      {main(service.signals, limit).map((signal) => {
        const unit = guessUnit(signal.name);
        const namesakes = service.signals.filter((other) => other.name === signal.name);
        const sources = new Set(namesakes.map((other) => other.source));
        const labels =
          namesakes.length === 1
            ? ''
            : sources.size === namesakes.length
              ? `by ${signal.source}`
              : labelText(signal.labels);
        return (
          <li key={keyOf(service, signal)} title={labelText(signal.labels) || undefined}>
            <span class="signal-name">
              {signal.name}
              {labels && <span class="soft small"> {labels}</span>}
            </span>
            <Sparkline
              values={known.get(keyOf(service, signal))?.values ?? []}
              label={`${signal.name} since the page was opened`}
            />
            <span class="signal-value">{formatValue(signal.value, unit)}</span>
          </li>
        );
      })}
    </ul>
  );
}

// Where there is none: whether nothing comes in, or nothing that says whose it is.
export function NoServices() {
  const {data: status} = useStatus();
  const sources = status?.nodes.filter((node) => node.kind === 'source') ?? [];
  return (
    <Empty>
      {sources.some((node) => node.series > 0) ? (
        <>
          Samples come in, but none says which service it is of: list a label that they have in{' '}
          <code>agent.group_by</code>.
        </>
      ) : (
        <>
          No samples have come in yet. The <a href="/#/pipeline">pipeline</a> says how its sources
          are.
        </>
      )}
    </Empty>
  );
}

// `level`: of the heading, where the card stands.
export function ServiceCard({
  service,
  limit = 4,
  level = 3,
}: {
  service: Service;
  limit?: number;
  level?: 2 | 3;
}) {
  const Heading = `h${level}` as const;
  return (
    <article class={`card service ${service.state}`} aria-label={service.name}>
      <div class="card-head">
        <Heading>
          <ServiceLink name={service.name} />
        </Heading>
        <Badge state={service.state} />
      </div>
      {service.incident ? (
        <p>
          <IncidentLink id={service.incident} />{' '}
          {about({summary: service.summary, target_name: service.name})}
        </p>
      ) : (
        <p class="soft small">
          seen <Ago time={service.seen} />
          {service.last_incident && (
            <>
              , last incident <IncidentLink id={service.last_incident} />
            </>
          )}
        </p>
      )}
      <Signals service={service} limit={limit} />
    </article>
  );
}
