import type {Incident} from '../api/types';
import {about, span} from '../state/format';
import {at} from '../state/router';
import {Ago, Badge, ServiceLink} from './bits';
import {QuietBadge} from './quiet';
import {LabelBadge} from './label';

export function IncidentRows({incidents}: {incidents: Incident[]}) {
  return (
    <ul class="rows">
      {incidents.map((incident) => (
        <li key={incident.id}>
          <a class="row-id" href={at('incidents', incident.id)}>
            #{incident.id}
            <span class="visually-hidden"> {incident.target_name}</span>
          </a>
          <span class="row-state">
            <Badge state={incident.state} />
          </span>
          <div class="row-main">
            <strong>
              <ServiceLink name={incident.target_name} />
            </strong>{' '}
            {about(incident)} <LabelBadge incident={incident} />
          </div>
          <span class="row-side">
            <QuietBadge incident={incident} /> <Badge state={incident.severity} />
          </span>
          <span class="row-time soft">
            <Ago time={incident.opened} />
            {incident.opened && incident.closed && (
              <span class="small">
                {' '}
                for {span(Date.parse(incident.closed) - Date.parse(incident.opened))}
              </span>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
