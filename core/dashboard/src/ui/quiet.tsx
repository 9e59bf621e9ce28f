// Why nobody is told of an incident and nothing is done about it.
import type {Incident} from '../api/types';
import {Badge, IncidentLink} from './bits';

export const SilenceLink = ({id}: {id: string}) => <a href={`/#/silences/${id}`}>{id}</a>;

export function QuietText({incident}: {incident: Incident}) {
  if (incident.silenced_by)
    return (
      <>
        Silenced by <SilenceLink id={incident.silenced_by} />: nobody is told of it, nothing is done.
      </>
    );
  return (
    <>
      Muted by <IncidentLink id={incident.muted_by} />, which explains it: nobody is told of it,
      nothing is done.
    </>
  );
}

export function QuietBadge({incident}: {incident: Incident}) {
  if (incident.silenced_by) return <Badge state="silenced" />;
  if (incident.quiet_since) return <Badge state="quiet" />;
  return incident.muted_by === null ? null : <Badge state="muted" />;
}
