// Decisions that wait for a person.
import type {Decision} from '../api/types';
import {useResource} from '../state/resource';
import {ApprovalCard} from '../ui/approval';
import {Empty, PageHead, Pending} from '../ui/bits';

export function Approvals() {
  const {data, error} = useResource<{approvals: Decision[]}>('/api/v1/approvals', [
    'decision',
    'outcome',
    'incident',
  ]);
  return (
    <>
      <PageHead
        title="Approvals"
        lead="Actions that are ready and wait for your word. A yes holds once, for the plan shown, until it expires."
      />
      {!data ? (
        <Pending error={error} />
      ) : data.approvals.length === 0 ? (
        <Empty>Nothing waits for approval.</Empty>
      ) : (
        <div class="cards">
          {data.approvals.map((decision) => (
            <ApprovalCard key={decision.id} decision={decision} level={2} />
          ))}
        </div>
      )}
    </>
  );
}
