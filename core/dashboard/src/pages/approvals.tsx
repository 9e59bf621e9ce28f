// Decisions that wait for a person, and those whose undo waits for its target.
import type {Approvals as Waiting} from '../api/types';
import {useResource} from '../state/resource';
import {ApprovalCard, UndoCard} from '../ui/approval';
import {Empty, PageHead, Pending, Section} from '../ui/bits';

export function Approvals() {
  const {data, error} = useResource<Waiting>('/api/v1/approvals', [
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
      {data && data.undos.length > 0 && (
        <Section title="Not undone yet">
          <div class="cards wide">
            {data.undos.map((undo) => (
              <UndoCard key={undo.decision.id} undo={undo} />
            ))}
          </div>
        </Section>
      )}
    </>
  );
}
