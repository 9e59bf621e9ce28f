// Every service that is watched, with all its signals; one of them with what happened to it.
import type {Incident} from '../api/types';
import {plural} from '../state/format';
import type {Route} from '../state/router';
import {useResource} from '../state/resource';
import {Empty, PageHead, Pending, Section} from '../ui/bits';
import {IncidentRows} from '../ui/incident_rows';
import {NoServices, ServiceCard, useServices} from '../ui/service';

const SIGNALS = 24;
const LOOKED_AT = 200; // as many as the agent gives at once

function History({service}: {service: string}) {
  const {data} = useResource<{incidents: Incident[]; next_cursor: string | null}>(
    `/api/v1/incidents?limit=${LOOKED_AT}`,
    ['incident', 'outcome'],
  );
  if (!data) return null;
  const mine = data.incidents.filter((incident) => incident.target_name === service);
  return (
    <Section title="Incidents" tools={<a href="/#/incidents">All incidents</a>}>
      {mine.length > 0 ? (
        <IncidentRows incidents={mine} />
      ) : (
        <Empty>
          {data.next_cursor ? `None among the latest ${LOOKED_AT} of all services.` : 'None so far.'}
        </Empty>
      )}
    </Section>
  );
}

export function Services({route}: {route: Route}) {
  const {data, error} = useServices();
  const chosen = route.rest[0];
  const shown = data?.services.filter((service) => !chosen || service.name === chosen);
  return (
    <>
      <PageHead
        title={chosen ?? 'Services'}
        lead={
          chosen ? (
            <a href="/#/services">All services</a>
          ) : (
            data && `${plural(data.services.length, 'service')} watched.`
          )
        }
      />
      {!shown ? (
        <Pending error={error} />
      ) : shown.length > 0 ? (
        <div class="cards wide">
          {shown.map((service) => (
            <ServiceCard key={service.name} service={service} limit={SIGNALS} level={2} />
          ))}
        </div>
      ) : chosen ? (
        <Empty>Nothing is known of {chosen}: no sample of it has come in.</Empty>
      ) : (
        <NoServices />
      )}
      {chosen && <History service={chosen} />}
    </>
  );
}
