// Everything that was decided, done or changed, and by whom.
import type {AuditEntry} from '../api/types';
import {parted, words} from '../state/format';
import {Ago, Empty, IncidentLink, PageHead, Pending, Table} from '../ui/bits';
import {PageFrame, usePages} from '../ui/list';

export function Audit() {
  const pages = usePages<AuditEntry>({
    path: '/api/v1/audit',
    member: 'events',
    events: ['incident', 'finding', 'decision', 'outcome', 'switch', 'policy', 'reload'],
    keyOf: (entry) => entry.seq,
  });
  return (
    <>
      <PageHead
        title="Audit"
        lead="The journal: everything that was found, decided, done or changed, and by whom."
      />
      {!pages.items ? (
        <Pending error={pages.error} />
      ) : pages.items.length === 0 ? (
        <Empty>Nothing happened so far.</Empty>
      ) : (
        <PageFrame pages={pages}>
          <Table label="Audit" heads={['When', 'What', 'By', 'Text', 'Incident']}>
            {pages.items.map((entry) => (
              <tr key={entry.seq}>
                <td>
                  <Ago time={entry.time} />
                </td>
                <th scope="row" class="short">
                  {words(entry.kind).replace('.', ' ')}
                </th>
                <td class="short">{entry.actor}</td>
                <td>{parted(entry.text || entry.subject)}</td>
                <td>{entry.incident ? <IncidentLink id={entry.incident} /> : ''}</td>
              </tr>
            ))}
          </Table>
        </PageFrame>
      )}
    </>
  );
}
