// All incidents, newest first.
import type {Incident} from '../api/types';
import type {Route} from '../state/router';
import {Empty, PageHead, Pending} from '../ui/bits';
import {IncidentRows} from '../ui/incident_rows';
import {PageFrame, usePages} from '../ui/list';
import {Filter} from '../ui/filter';

const STATES = ['open', 'acting', 'verifying', 'resolved', 'escalated'];

export function Incidents({route}: {route: Route}) {
  const state = route.query.get('state') ?? '';
  const label = route.query.get('label') ?? '';
  const query = [state && `state=${encodeURIComponent(state)}`, label && `label=${encodeURIComponent(label)}`]
    .filter(Boolean)
    .join('&');
  const pages = usePages<Incident>({
    path: `/api/v1/incidents${query && `?${query}`}`,
    member: 'incidents',
    events: ['incident', 'decision', 'outcome'],
    keyOf: (incident) => incident.id,
  });
  return (
    <>
      <PageHead title="Incidents" lead="What was wrong, what was done, and how it ended.">
        <Filter
          name="State"
          page="incidents"
          value={state}
          options={[['', 'all'], ...STATES.map((s): [string, string] => [s, s])]}
          parameter="state"
        />
      </PageHead>
      {!pages.items ? (
        <Pending error={pages.error} />
      ) : pages.items.length === 0 ? (
        <Empty>{state ? `None is ${state}.` : 'None so far.'}</Empty>
      ) : (
        <PageFrame pages={pages}>
          <IncidentRows incidents={pages.items} />
        </PageFrame>
      )}
    </>
  );
}
